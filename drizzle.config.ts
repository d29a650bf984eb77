import { defineConfig } from 'drizzle-kit'
import { loadDatabaseFile } from './src/config.ts'
import { createFile } from './src/db/sqlite/file.ts'

const url = loadDatabaseFile()
// drizzle-kit would make a file that everybody can read.
if (!process.argv.includes('generate')) createFile(url)

export default defineConfig({
  dialect: 'sqlite',
  schema: './src/db/sqlite/tables.ts',
  out: './drizzle/sqlite',
  // Made by the server itself: the full-text index, which drizzle-kit does not know how to describe.
  tablesFilter: ['!messages_search*', '!search_*'],
  dbCredentials: { url }
})
