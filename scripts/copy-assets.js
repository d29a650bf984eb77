// Copies the browser files of the reference pages out of development packages, with their licences, so that the server
// serves them itself and needs none of those packages to run. Runs at the end of `npm install`.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const packages = new URL('../node_modules/', import.meta.url)
const assets = new URL('../src/http/assets/', import.meta.url)

const redoc = new URL('redoc/', packages)
if (existsSync(redoc)) {
  const target = new URL('redoc/', assets)
  mkdirSync(target, { recursive: true })
  copyFileSync(new URL('LICENSE', redoc), new URL('LICENSE', target))
  copyFileSync(
    new URL('bundles/redoc.standalone.js.LICENSE.txt', redoc),
    new URL('redoc.standalone.js.LICENSE.txt', target)
  )
  // The page must not call another host, not even for the small logo beside the attribution.
  const script = readFileSync(new URL('bundles/redoc.standalone.js', redoc), 'utf8')
  const local = script.replace(
    'https://cdn.redoc.ly/redoc/logo-mini.svg',
    'data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22/>'
  )
  if (local === script) throw new Error('redoc no longer loads its logo from where it did: look at this script again')
  writeFileSync(new URL('redoc.standalone.js', target), local)
} else {
  process.stdout.write('confab: development packages are left out, so /redoc will have no page\n')
}
