import './node-version.js'
import closeWithGrace from 'close-with-grace'
import { buildApp } from './app.ts'
import { ConfigError, createEnvFile, loadConfig } from './config.ts'
import { DatabaseError } from './db/database-error.ts'
import { listPages } from './http/docs.ts'
import { loggerOptions } from './http/logger.ts'

/** How long a graceful stop may take before the process exits, in milliseconds. */
const GRACE_MS = 12_000

async function start(): Promise<void> {
  const created = createEnvFile(new URL('../.env.example', import.meta.url))
  const config = loadConfig()
  const app = await buildApp(config, loggerOptions(config.logLevel))
  const url = await app.listen({
    host: config.host,
    port: config.port,
    listenTextResolver: address => `Listening on ${address}`
  })
  closeWithGrace({ delay: GRACE_MS, logger: app.log }, async ({ err, signal }) => {
    if (err) app.log.fatal({ err }, 'Stopping (uncaught error)')
    else app.log.info(`Stopping (${signal})`)
    await app.close()
  })
  if (created) app.log.info('Wrote .env with a new random SECRET_KEY')
  app.log.info(`Data in ${config.databaseFile}`)
  app.log.info(`Documents on ${listPages(url)}`)
}

/** Returns one line for an error that the operator can fix; undefined for all other errors. */
function explain(error: NodeJS.ErrnoException): string | undefined {
  if (error instanceof ConfigError || error instanceof DatabaseError) return error.message
  if (error.code === 'EADDRINUSE') return `PORT must be a free port: ${error.message}`
  if (error.syscall === 'listen' || error.syscall === 'getaddrinfo') {
    return `HOST and PORT must be an address of this machine and a port that you may use: ${error.message}`
  }
  return undefined
}

// A write beyond the limit of file sizes (`ulimit -f`) must fail like a write to a full disk, and not end the process.
process.on('SIGXFSZ', () => undefined)

start().catch((error: NodeJS.ErrnoException) => {
  process.stderr.write(`confab: ${explain(error) ?? error.stack}\n`)
  process.exit(1)
})
