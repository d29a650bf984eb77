import type { Page } from 'playwright-core'
import t from 'tap'
import { build, type Json } from '../helper.ts'
import { openerIn } from './browser.ts'

// Executes every operation of /docs with the values that the page fills in.

const open = await openerIn(t)

/** Operations that cannot succeed with one account and one session, and their status. */
const REFUSED: Record<string, string> = { endSession: '404', openDirectChat: '404', openSocket: '426' }
const FIRST = ['register', 'login', 'createChat', 'sendMessage']
/** Each of these runs on its own server, because nothing works after it. */
const LAST = ['logout', 'changePassword', 'deleteChat', 'removeMember', 'deleteMessage']

/** Closes all tags, because open ones make the page slow. */
async function closeAll(page: Page): Promise<void> {
  await page.getByText('Register an account').waitFor()
  for (const heading of await page.locator('.opblock-tag .expand-operation').all()) await heading.click()
}

/** Executes an operation with the values that the page fills in. Returns the status. */
async function execute(page: Page, tag: string, name: string): Promise<string> {
  const block = page.locator(`#operations-${tag}-${name}`)
  const heading = page.locator(`.opblock-tag[data-tag="${tag}"] .expand-operation`)
  const status = block.locator('.live-responses-table tbody .response-col_status').first()
  await heading.click()
  await block.locator('.opblock-summary-control').click()
  await block.getByRole('button', { name: 'Execute' }).click()
  await status.waitFor()
  const shown = (await status.innerText()).trim().slice(0, 3)
  await block.locator('.opblock-summary-control').click()
  await heading.click()
  return shown
}

t.test('every operation works as it is filled in, on a new server', async t => {
  const server = await build(t)
  const document: Json = server.app.swagger()
  const tags = new Map<string, string>(
    Object.values<Json>(document.paths)
      .flatMap(methods => Object.values<Json>(methods))
      .map(({ operationId, tags }) => [operationId, tags[0]])
  )
  const others = [...tags.keys()].filter(name => !FIRST.includes(name) && !LAST.includes(name))
  t.ok(others.length > 20)

  async function run(page: Page, name: string): Promise<void> {
    t.match(await execute(page, tags.get(name) as string, name), REFUSED[name] ?? /^20[014]$/, name)
  }

  const { page } = await open(server, '/docs')
  await closeAll(page)
  for (const name of [...FIRST, ...others]) await run(page, name)
  for (const name of LAST) {
    const server = await build(t)
    const { path, people } = await server.chat('ann')
    await people[0].post(`${path}/messages`, { message: 'Hello' })
    const { page } = await open(server, '/docs', people[0].cookie)
    await closeAll(page)
    await run(page, name)
  }
})
