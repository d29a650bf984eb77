import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { Message } from '../../../src/schemas/message.ts'
import type { Client } from '../../helper.ts'
import { Origin } from './origin.ts'

export const PASSWORD = 'correct horse'
const PATIENCE_MS = 20_000

/** The state of the page: see `walk.state` in page/main.js. */
export interface State {
  status: string
  epoch: string
  /** Latest activity first. */
  chats: ChatState[]
  /** The lowest line of the open chat. */
  last_line?: string
}

interface ChatState {
  id: number
  title: string
  cursor: number
  read_id: number
  unread: number
  online: number[]
  typing: number[]
  /** Number of unacked texts. */
  waiting: number
  /** Whether the history is loaded to its beginning. */
  complete: boolean
}

/** A person with their own browser, behind their own proxy. */
export class Person {
  readonly origin: Origin
  readonly context: BrowserContext
  readonly page: Page
  /** The account, used as from another device. */
  device: Client
  /** The errors of the page. */
  readonly errors: string[] = []

  private constructor(origin: Origin, context: BrowserContext, page: Page, device: Client) {
    this.origin = origin
    this.context = context
    this.page = page
    this.device = device
    page.on('pageerror', error => this.errors.push(String(error.stack)))
  }

  get name(): string {
    return this.device.user.username
  }

  /** Opens the page and logs in. */
  static async arrive(t: Test, browser: Browser, device: Client, query = ''): Promise<Person> {
    const origin = await Origin.open(t, device.server.url)
    const context = await browser.newContext({ viewport: { width: 480, height: 320 } })
    const person = new Person(origin, context, await context.newPage(), device)
    await person.page.goto(`${origin.url}/${query}`)
    await person.logIn()
    return person
  }

  /** Opens a new page with the same session. */
  async afresh(): Promise<Person> {
    const fresh = new Person(this.origin, this.context, await this.context.newPage(), this.device)
    await fresh.page.goto(this.origin.url)
    await fresh.until('online', ({ status }) => status === 'online')
    return fresh
  }

  async logIn(): Promise<void> {
    await this.page.locator('[name=username]').fill(this.name)
    await this.page.locator('[name=password]').fill(PASSWORD)
    await this.page.getByRole('button', { name: 'Log in' }).click()
    await this.until('online', ({ status }) => status === 'online')
  }

  async open(chat_id: number): Promise<void> {
    await this.page.locator(`#chats [data-id="${chat_id}"]`).click()
    await this.page.locator('#messages li').first().waitFor()
  }

  /** Types a text into the open chat and sends it. */
  async say(text: string): Promise<void> {
    await this.page.locator('[name=text]').fill(text)
    await this.page.locator('[name=text]').press('Enter')
  }

  /** Sends `count` texts, one every 20 ms. */
  talk(prefix: string, count: number): Promise<void> {
    return this.page.evaluate(`walk.talk('${prefix}', ${count})`)
  }

  /** Scrolls up to the first message. */
  scrollToTheBeginning(): Promise<void> {
    return this.page.evaluate('walk.scrollToTheBeginning()')
  }

  /** Scrolls down to the newest message. */
  async scrollToTheEnd(): Promise<void> {
    await this.page.evaluate('walk.scrollToTheEnd()')
  }

  state(): Promise<State> {
    return this.page.evaluate('walk.state()')
  }

  /** Returns the messages of a chat that the page has. */
  messages(chat_id: number): Promise<Message[]> {
    return this.page.evaluate(`walk.messages(${chat_id})`)
  }

  /** Returns the lines of the open chat on the page. */
  lines(): Promise<string[]> {
    return this.page.evaluate('walk.lines()')
  }

  /** Returns the texts that the page has shown twice at the same time. */
  doubles(): Promise<string[]> {
    return this.page.evaluate('walk.doubles')
  }

  async chat(id: number): Promise<ChatState> {
    const chat = (await this.state()).chats.find(chat => chat.id === id)
    if (!chat) throw new Error(`chat ${id} is not in the page`)
    return chat
  }

  /** Waits until `is` returns true for the state of the page. */
  async until(what: string, is: (state: State) => boolean | Promise<boolean>): Promise<State> {
    for (const end = Date.now() + PATIENCE_MS; ; await sleep(20)) {
      const state = await this.state()
      if (await is(state)) return state
      if (Date.now() > end) throw new Error(`${this.name} waited in vain for ${what}: ${JSON.stringify(state)}`)
    }
  }
}
