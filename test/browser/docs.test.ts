import t from 'tap'
import { build } from '../helper.ts'
import { openerIn } from './browser.ts'

// The reference pages in a real browser: they show their content, log nothing to the console, and call no other host.

const server = await build(t)
const open = await openerIn(t)

t.test('/docs shows the operations, and they can be tried out after a login in the page', async t => {
  const { page, complaints } = await open(server, '/docs')
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

t.test('/docs shows its own name, and asks for no credential', async t => {
  const { page, complaints } = await open(server, '/docs')
  await page.getByText('Register an account').waitFor()
  t.match(await page.title(), /^Confab/)
  t.match(await page.locator('.info .title').innerText(), /^Confab/)
  for (const selector of ['.topbar', '.download-url-input', '.authorization__btn', '.btn.authorize', '.servers']) {
    for (const found of await page.locator(selector).all()) t.notOk(await found.isVisible(), selector)
  }
  t.notMatch((await page.locator('body').innerText()).toLowerCase(), /swagger|explore|authorize/)
  t.match(await page.locator('.info').innerText(), 'POST /auth/login')
  t.strictSame(complaints, [])
})

t.test('/redoc shows the operations', async t => {
  const { page, complaints } = await open(server, '/redoc')
  await page.getByRole('heading', { name: 'Register an account' }).waitFor()
  t.notMatch(await page.locator('body').innerText(), /try it out/i)
  await page.screenshot({ path: process.env['SCREENSHOT'] ?? `${t.testdir({})}/redoc.png` })
  t.strictSame(complaints, [])
})

t.test('/asyncapi shows the frames, their fields and their examples', async t => {
  const { page, complaints } = await open(server, '/asyncapi')
  await page.locator('.sidebar').getByText('presence').click()
  const presence = page.locator('[id="operation-send-server.presence"]')
  await presence.getByText('The people who have an open socket, up to 100').waitFor()
  t.match(await presence.innerText(), /YOU GET\s+presence/)
  t.match(await presence.innerText(), '"online_count": 4210')
  t.match(await page.locator('#introduction').innerText(), '4408')
  await page.locator('[id="operation-receive-client.resume"]').scrollIntoViewIfNeeded()
  await page.screenshot({ path: process.env['SCREENSHOT'] ?? `${t.testdir({})}/asyncapi.png` })
  t.strictSame(complaints, [])
})
