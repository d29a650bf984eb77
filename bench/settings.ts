import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

function versionIn(directory: string): string {
  return JSON.parse(readFileSync(`${root}${directory}/package.json`, 'utf8')).version
}

function fileSystem(): string {
  return execFileSync('df', ['--output=fstype', tmpdir()], { encoding: 'utf8' }).split('\n')[1] ?? 'unknown'
}

/** Describes the machine and the settings, so that readers can judge the figures or measure them again. */
export function machine() {
  return {
    date: new Date().toISOString(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    fileSystem: fileSystem(),
    node: process.version,
    confab: versionIn('.')
  }
}

/** The versions of all servers and libraries of the comparison. */
export function versions(bun: string | undefined) {
  const sqlite =
    "process.stdout.write(require('better-sqlite3')(':memory:').prepare('select sqlite_version()').pluck().get())"
  return {
    bun: bun ?? 'none',
    fastify: versionIn('node_modules/fastify'),
    ws: versionIn('node_modules/ws'),
    'better-sqlite3': versionIn('node_modules/better-sqlite3'),
    sqlite: execFileSync(process.execPath, ['-e', sqlite], { cwd: root, encoding: 'utf8' }),
    'ws of the peer': versionIn('bench/node_modules/ws'),
    'better-sqlite3 of the peers': versionIn('bench/node_modules/better-sqlite3'),
    'socket.io': versionIn('bench/node_modules/socket.io')
  }
}

export const serverSettings = {
  Confab: 'as it ships: accounts, sessions, validation, SQLite in WAL mode, synchronous FULL; RATE_LIMITS=off',
  'Bun + bun:sqlite': 'no accounts, no validation; WAL, synchronous NORMAL; publish to a topic; no compression',
  'ws + better-sqlite3': 'no accounts, no validation; WAL, synchronous NORMAL; no compression',
  'Socket.IO + better-sqlite3': 'no accounts, no validation; WAL, synchronous NORMAL; WebSocket only, no compression'
}
