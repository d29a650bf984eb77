import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, request as requestTo, type ServerResponse } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Test } from 'tap'

const TYPES = { html: 'text/html; charset=utf-8', js: 'text/javascript' }

interface Link {
  browser: Duplex
  server: Socket
}

/**
 * The origin of a page: its files, and Confab under `/api`, as behind the proxy of a development server. Replies to HTTP
 * requests take 40 ms longer than frames. Tests can add other faults of a network.
 */
export class Origin {
  /** The address of Confab. */
  target: string
  /** Runs when Confab has replied to a request, before the browser gets the reply. */
  onReply: (url: string) => Promise<unknown> = () => sleep(40)
  #url = ''
  #held: 'server' | 'page' | undefined
  readonly #links = new Set<Link>()

  private constructor(target: string) {
    this.target = target
  }

  get url(): string {
    return this.#url
  }

  /** Starts a proxy before `target`. The test closes it. */
  static async open(t: Test, target: string): Promise<Origin> {
    const origin = new Origin(target)
    const server = createServer((request, reply) => origin.#request(request, reply))
    server.on('upgrade', (request, socket, head) => origin.#upgrade(request, socket, head))
    await once(server.listen(0, '127.0.0.1'), 'listening')
    origin.#url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    t.teardown(() => {
      origin.cut()
      server.closeAllConnections()
      server.close()
    })
    return origin
  }

  /** Ends every socket without a close frame. */
  cut(): void {
    for (const { browser, server } of this.#links) {
      browser.destroy()
      server.destroy()
    }
  }

  /** From now on, holds frames from the server (or from the page) until `pass`. The connection stays open. */
  hold(from: 'server' | 'page' = 'server'): void {
    this.#held = from
    for (const link of this.#links) {
      if (from === 'server') link.server.unpipe(link.browser)
      else link.browser.unpipe(link.server)
    }
  }

  /** Forwards the held frames, and all later ones. */
  pass(): void {
    for (const link of this.#links) {
      if (this.#held === 'server') link.server.pipe(link.browser)
      if (this.#held === 'page') link.browser.pipe(link.server)
    }
    this.#held = undefined
  }

  #request(request: IncomingMessage, reply: ServerResponse): void {
    const { url = '', method, headers } = request
    if (!url.startsWith('/api/')) return file(url, reply)
    const forwarded = requestTo(`${this.target}${url.slice('/api'.length)}`, { method, headers }, async response => {
      await this.onReply(url)
      reply.writeHead(response.statusCode ?? 500, response.headers)
      response.pipe(reply)
    })
    forwarded.on('error', () => reply.writeHead(502, { 'content-type': 'application/json' }).end('{}'))
    request.pipe(forwarded)
  }

  #upgrade(request: IncomingMessage, browser: Duplex, head: Buffer): void {
    const { port, hostname } = new URL(this.target)
    const server = connect(Number(port), hostname, () => {
      const lines = request.rawHeaders.flatMap((name, i, all) => (i % 2 === 0 ? [`${name}: ${all[i + 1]}`] : []))
      server.write(`GET ${request.url?.slice('/api'.length)} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
      server.write(head)
      if (this.#held !== 'page') browser.pipe(server)
      if (this.#held !== 'server') server.pipe(browser)
    })
    const link = { browser, server }
    this.#links.add(link)
    browser.on('error', () => server.destroy())
    server.on('error', () => browser.destroy())
    server.on('close', () => this.#links.delete(link))
  }
}

function file(url: string, reply: ServerResponse): void {
  const [, name = 'index.html', type = 'html'] = /^\/([a-z]+\.(js|html))$/.exec(url) ?? []
  const content = readFileSync(new URL(`page/${name}`, import.meta.url))
  reply.writeHead(200, { 'content-type': TYPES[type as keyof typeof TYPES] }).end(content)
}
