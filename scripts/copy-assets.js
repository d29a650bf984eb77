// Copies the browser files of the reference pages out of development packages, with their licences, so that the server
// serves them itself and needs none of those packages to run. Runs at the end of `npm install`.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const packages = new URL('../node_modules/', import.meta.url)
const assets = new URL('../src/http/assets/', import.meta.url)

/** Copies from a package to the files of a page; undefined when the package is not installed. */
function copier(/** @type {string} */ name, /** @type {string} */ page) {
  const source = new URL(`${name}/`, packages)
  const target = new URL(`${page}/`, assets)
  if (!existsSync(source)) {
    process.stdout.write(`confab: development packages are left out, so /${page} will have no page\n`)
    return undefined
  }
  mkdirSync(target, { recursive: true })
  const base = (/** @type {string} */ path) => new URL(path.replace(/.*\//, ''), target)
  return {
    copy(/** @type {string} */ path) {
      copyFileSync(new URL(path, source), base(path))
    },
    /** Copies a script with one expression of it replaced, and says so in it, as its licence asks. */
    copyChanged(/** @type {string} */ path, /** @type {string | RegExp} */ from, /** @type {string} */ to) {
      const script = readFileSync(new URL(path, source), 'utf8')
      const changed = script.replace(from, () => to)
      if (changed === script) throw new Error(`${name} is no longer what this script changes: look at both again`)
      writeFileSync(base(path), `/* Changed for Confab by scripts/copy-assets.js */\n${changed}`)
    }
  }
}

const redoc = copier('redoc', 'redoc')
redoc?.copy('LICENSE')
redoc?.copy('bundles/redoc.standalone.js.LICENSE.txt')
// The page must not call another host, not even for the small logo beside the attribution.
redoc?.copyChanged(
  'bundles/redoc.standalone.js',
  'https://cdn.redoc.ly/redoc/logo-mini.svg',
  'data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22/>'
)

const asyncapi = copier('@asyncapi/react-component', 'asyncapi')
asyncapi?.copy('LICENSE')
asyncapi?.copy('browser/standalone/without-parser.js.LICENSE.txt')
asyncapi?.copy('styles/default.min.css')
// As it loads, it compiles the schemas of its parser with `new Function`, which the page's policy forbids. The parser is
// never used, as the server's own document is valid, so what would be compiled may as well accept everything.
asyncapi?.copyChanged(
  'browser/standalone/without-parser.js',
  /new Function\(`\$\{\w+\.default\.self\}`,`\$\{\w+\.default\.scope\}`,\w+\)\(this,this\.scope\.get\(\)\)/,
  '()=>!0'
)
