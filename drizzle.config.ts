import { defineConfig } from 'drizzle-kit'
import { loadDatabaseFile } from './src/config.ts'

export default defineConfig({
  dialect: 'sqlite',
  schema: './src/db/tables.ts',
  out: './drizzle/sqlite',
  // Made by the server itself: the full-text index, which drizzle-kit does not know how to describe.
  tablesFilter: ['!messages_search*', '!search_*'],
  dbCredentials: { url: loadDatabaseFile() }
})
