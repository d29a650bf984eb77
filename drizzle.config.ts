import { defineConfig } from 'drizzle-kit'
import { loadDatabaseFile } from './src/config.ts'

export default defineConfig({
  dialect: 'sqlite',
  schema: './src/db/tables.ts',
  out: './drizzle/sqlite',
  dbCredentials: { url: loadDatabaseFile() }
})
