import t from 'tap'
import { build } from '../helper.ts'
import { launch } from './chromium.ts'

// The reference pages in a real browser: they show something, say nothing in the console, and call nobody else.

const browser = await launch(t)

const server = await build(t)

async function open(path: string) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } })
  const page = await context.newPage()
  const complaints: string[] = []
  page.on('console', message => {
    if (['error', 'warning'].includes(message.type())) complaints.push(message.text())
  })
  page.on('pageerror', error => complaints.push(String(error)))
  page.on('request', request => {
    const { protocol, origin } = new URL(request.url())
    if (protocol.startsWith('http') && origin !== server.url) complaints.push(`foreign request: ${request.url()}`)
  })
  page.on('requestfailed', request => complaints.push(`failed request: ${request.url()}`))
  await page.goto(server.url + path, { waitUntil: 'networkidle' })
  return { page, complaints }
}

t.test('/docs shows the operations, and they can be tried out after a login in the page', async t => {
  const { page, complaints } = await open('/docs')
  await page.getByText('Register an account').waitFor()

  const run = async (operation: string, body: object) => {
    const block = page.locator(`#operations-Accounts-${operation}`)
    await block.locator('.opblock-summary-control').click()
    await block.locator('textarea.body-param__text').fill(JSON.stringify(body))
    await block.getByRole('button', { name: 'Execute' }).click()
    await block.locator('.live-responses-table tbody .response-col_status').first().waitFor()
    return block.locator('.live-responses-table tbody .response-col_status').first().innerText()
  }
  t.match(await run('register', { username: 'ann', password: 'correct horse' }), '201')
  t.match(await run('login', { username: 'ann', password: 'correct horse' }), '200')

  const me = page.locator('#operations-Sessions-getMe')
  await me.locator('.opblock-summary-control').click()
  await me.getByRole('button', { name: 'Execute' }).click()
  await me.locator('.live-responses-table').waitFor()
  t.match(await me.locator('.live-responses-table').innerText(), '"username": "ann"')
  await page.screenshot({ path: `${t.testdir({})}/docs.png` })
  t.strictSame(complaints, [])
})

t.test('/redoc shows the operations', async t => {
  const { page, complaints } = await open('/redoc')
  await page.getByRole('heading', { name: 'Register an account' }).waitFor()
  await page.screenshot({ path: process.env['SCREENSHOT'] ?? `${t.testdir({})}/redoc.png` })
  t.strictSame(complaints, [])
})

t.test('/asyncapi shows the frames, their fields and their examples', async t => {
  const { page, complaints } = await open('/asyncapi')
  await page.locator('.sidebar').getByText('presence').click()
  const presence = page.locator('[id="operation-send-server.presence"]')
  await presence.getByText('Who has an open socket, up to 100 people').waitFor()
  t.match(await presence.innerText(), /YOU GET\s+presence/)
  t.match(await presence.innerText(), '"online_count": 4210')
  t.match(await page.locator('#introduction').innerText(), '4408')
  await page.locator('[id="operation-receive-client.resume"]').scrollIntoViewIfNeeded()
  await page.screenshot({ path: process.env['SCREENSHOT'] ?? `${t.testdir({})}/asyncapi.png` })
  t.strictSame(complaints, [])
})
