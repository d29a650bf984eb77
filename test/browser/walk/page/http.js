// Requests to Confab. The browser sends the cookie by itself.

const sleep = ms => new Promise(resolve => setTimeout(resolve, ms))

export class Http {
  /** Called when a reply says that the session has ended. */
  onLoggedOut = () => undefined

  constructor(base) {
    this.base = base
  }

  /** Sends a request. Throws an error with the `status` and `code` of a refusal, without them if nothing answers. */
  async request(method, path, body) {
    const headers = body === undefined ? {} : { 'content-type': 'application/json' }
    const reply = await fetch(this.base + path, { method, headers, body: JSON.stringify(body) })
    const content = reply.status === 204 ? undefined : await reply.json()
    if (reply.ok) return content
    if (reply.status === 401 && path !== '/auth/login') this.onLoggedOut()
    const retry_after = Number(reply.headers.get('retry-after')) || undefined
    throw Object.assign(new Error(content.message), { status: reply.status, code: content.code, retry_after })
  }

  /** Sends a request, and retries it as long as the replies have `Retry-After`. */
  async requestWithRetry(method, path, body) {
    for (;;) {
      try {
        return await this.request(method, path, body)
      } catch (error) {
        if (error.retry_after === undefined) throw error
        await sleep(error.retry_after * 1000)
      }
    }
  }
}
