// Copies the browser files of the reference pages, and their licences, from development packages to src/http/assets. The
// server then serves them itself and runs without those packages. `npm install` runs this script.
import { copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const packages = new URL('../node_modules/', import.meta.url)
const assets = new URL('../src/http/assets/', import.meta.url)

/** Returns functions that copy files of a package for a page; undefined when the package is not installed. */
function copier(/** @type {string} */ name, /** @type {string} */ page) {
  const source = new URL(`${name}/`, packages)
  const target = new URL(`${page}/`, assets)
  if (!existsSync(source)) {
    process.stdout.write(`confab: ${name} is not installed, so /${page} is not available\n`)
    return undefined
  }
  mkdirSync(target, { recursive: true })
  const base = (/** @type {string} */ path) => new URL(path.replace(/.*\//, ''), target)
  return {
    copy(/** @type {string} */ path) {
      copyFileSync(new URL(path, source), base(path))
    },
    /** Copies a script with one expression replaced. A comment in the copy says so, as the licence requires. */
    copyChanged(/** @type {string} */ path, /** @type {string | RegExp} */ from, /** @type {string} */ to) {
      const script = readFileSync(new URL(path, source), 'utf8')
      const changed = script.replace(from, () => to)
      if (changed === script)
        throw new Error(`${path} of ${name} has no match for ${from}: update scripts/copy-assets.js`)
      writeFileSync(base(path), `/* Changed for Confab by scripts/copy-assets.js */\n${changed}`)
    }
  }
}

const redoc = copier('redoc', 'redoc')
redoc?.copy('LICENSE')
redoc?.copy('bundles/redoc.standalone.js.LICENSE.txt')
// The page must not load anything from another host, such as the logo beside the attribution.
redoc?.copyChanged(
  'bundles/redoc.standalone.js',
  'https://cdn.redoc.ly/redoc/logo-mini.svg',
  'data:image/svg+xml,<svg xmlns=%22http://www.w3.org/2000/svg%22/>'
)

const asyncapi = copier('@asyncapi/react-component', 'asyncapi')
asyncapi?.copy('LICENSE')
asyncapi?.copy('browser/standalone/without-parser.js.LICENSE.txt')
asyncapi?.copy('styles/default.min.css')
// While the script loads, it compiles the schemas of its parser with `new Function`, which the Content-Security-Policy of
// the page forbids. The page never uses the parser, so a function that accepts everything replaces the compiled ones.
asyncapi?.copyChanged(
  'browser/standalone/without-parser.js',
  /new Function\(`\$\{\w+\.default\.self\}`,`\$\{\w+\.default\.scope\}`,\w+\)\(this,this\.scope\.get\(\)\)/,
  '()=>!0'
)
