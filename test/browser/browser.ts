import type { Test } from 'tap'
import type { Server } from '../helper.ts'
import { launch } from './chromium.ts'

/** Returns a function that opens pages in a new browser. `complaints` has the errors of a page. */
export async function openerIn(t: Test) {
  const browser = await launch(t)

  return async ({ url }: Server, path: string, cookie = '') => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
    const [name = '', value = ''] = cookie.split('=')
    if (cookie) await context.addCookies([{ name, value, url }])
    const page = await context.newPage()
    const complaints: string[] = []
    page.on('console', message => {
      if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
    })
    page.on('pageerror', error => complaints.push(String(error)))
    page.on('request', request => {
      const { protocol, origin } = new URL(request.url())
      if (protocol.startsWith('http') && origin !== url) complaints.push(`foreign request: ${request.url()}`)
    })
    page.on('requestfailed', request => complaints.push(`failed request: ${request.url()}`))
    await page.goto(url + path, { waitUntil: 'networkidle' })
    return { page, complaints }
  }
}
