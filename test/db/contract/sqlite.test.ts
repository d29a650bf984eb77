import t, { type Test } from 'tap'
import { withCache } from '../../../src/db/cache/with-cache.ts'
import { openStorage } from '../../../src/db/sqlite/storage.ts'
import { contract } from './contract.ts'

function open(t: Test) {
  const storage = openStorage(':memory:', { warn: () => t.fail('nothing to warn of') })
  t.teardown(() => storage.repositories.close())
  return storage
}

await contract(t, 'SQLite', t => open(t).repositories)
await contract(t, 'SQLite with the cache', t => withCache(open(t)))
