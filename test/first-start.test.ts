import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { createEnvFile, loadConfig } from '../src/config.ts'
import { load, refusal, SECRET_KEY } from './settings.ts'

t.test('the first start writes a secret', async t => {
  const example = new URL('../.env.example', import.meta.url)
  const newFile = () => join(t.testdir({}), '.env')

  await t.test('into a file for its owner only, once', async t => {
    const file = newFile()
    t.equal(createEnvFile(example, {}, file), true)
    t.equal(statSync(file).mode & 0o777, 0o600)
    const text = readFileSync(file, 'utf8')
    t.match(text, /^SECRET_KEY=[\w-]{43}$/m)
    t.strictSame(loadConfig({}, file), { ...load({}), secretKey: loadConfig({}, file).secretKey }, 'only defaults')
    t.equal(createEnvFile(example, {}, file), false)
    t.equal(readFileSync(file, 'utf8'), text)
    const other = newFile()
    createEnvFile(example, {}, other)
    t.not(loadConfig({}, other).secretKey, /^SECRET_KEY=(.*)$/m.exec(text)?.[1], 'never the same secret')
  })

  await t.test('never over a file, not even one that lacks it', async t => {
    const file = join(t.testdir({ '.env': 'PORT=1\n' }), '.env')
    t.equal(createEnvFile(example, {}, file), false)
    t.equal(readFileSync(file, 'utf8'), 'PORT=1\n')
  })

  await t.test('not when the process brings its own', async t => {
    const file = newFile()
    t.equal(createEnvFile(example, { SECRET_KEY }, file), false)
    t.throws(() => statSync(file), { code: 'ENOENT' })
  })

  await t.test('or says that it cannot', async t => {
    const directory = t.testdir({})
    const file = join(directory, 'missing', '.env')
    const line = /^SECRET_KEY is not set, and .*\.env cannot be written: .+$/
    t.match(
      refusal(() => createEnvFile(example, {}, file)),
      line
    )
    const missing = pathToFileURL(join(directory, '.env.example'))
    t.match(
      refusal(() => createEnvFile(missing, {}, join(directory, '.env'))),
      line
    )
    t.throws(() => statSync(join(directory, '.env')), { code: 'ENOENT' })
  })
})
