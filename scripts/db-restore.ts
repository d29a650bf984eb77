import {
  closeSync,
  copyFileSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  renameSync,
  rmSync,
  statSync
} from 'node:fs'
import { dirname } from 'node:path'
import Sqlite from 'better-sqlite3'
import { ConfigError, loadDatabaseFile } from '../src/config.ts'
import { beginEpoch } from '../src/db/sqlite/epoch.ts'
import { acquireLock } from '../src/db/sqlite/file.ts'
import { openDatabase } from '../src/db/sqlite/open.ts'

// Replaces the database with a copy. The restored database has a new epoch, so that clients start anew.

function restore(copy: string | undefined): void {
  if (!copy) throw new ConfigError('the name of the copy is missing: npm run db:restore -- copy.db')
  if (!existsSync(copy)) throw new ConfigError(`${copy} does not exist`)
  const name = loadDatabaseFile()
  if (name === ':memory:') throw new ConfigError('DATABASE_URL is sqlite:///:memory:, a database without a file')
  if (isSameFile(copy, name)) throw new ConfigError(`${copy} is the database itself`)
  const replaced = `${name}.replaced`
  if (isSameFile(replaced, name)) undo(replaced, name)
  const { file, release } = acquireLock(name)
  const part = `${file}.restoring`
  try {
    removeAll(part)
    copyTo(part, copy)
    prepare(part, copy)
    keep(file, replaced)
    renameSync(part, file)
    sync(dirname(file))
    process.stdout.write(
      `Restored ${copy} to ${file}. The previous database is ${replaced}: delete it when the server works\n`
    )
  } finally {
    removeAll(part)
    release()
  }
}

/** Copies a database with its write-ahead log, which can be left after a crash. Only the owner can read the result. */
function copyTo(part: string, copy: string): void {
  for (const suffix of ['', '-wal']) {
    if (!existsSync(copy + suffix)) continue
    closeSync(openSync(part + suffix, 'w', 0o600))
    copyFileSync(copy + suffix, part + suffix)
  }
}

/** Checks the integrity of the copy, migrates it and begins a new epoch in it. */
function prepare(part: string, copy: string): void {
  try {
    const client = new Sqlite(part)
    const problems = client.prepare<[], string>('pragma integrity_check').pluck().all()
    client.close()
    if (problems[0] !== 'ok') throw new Error(problems[0])
    const db = openDatabase(part)
    beginEpoch(db.$client)
    db.$client.pragma('wal_checkpoint(truncate)')
    db.$client.close()
    sync(part)
  } catch (error) {
    throw new ConfigError(`${copy} cannot be used: ${(error as Error).message.replaceAll(part, copy)}`)
  }
}

/**
 * Gives the database a second name, and moves its write-ahead log there. The first name always has a file: without one,
 * a server that starts now would create an empty database.
 */
function keep(file: string, replaced: string): void {
  removeAll(replaced)
  linkSync(file, replaced)
  moveLog(file, replaced)
}

/** Undoes an interrupted restore, after which both names belong to the previous database. */
function undo(replaced: string, name: string): void {
  moveLog(replaced, name)
  rmSync(replaced)
}

/** Moves the write-ahead log of a database, which can be left after a crash. */
function moveLog(from: string, to: string): void {
  for (const suffix of ['-wal', '-shm']) if (existsSync(from + suffix)) renameSync(from + suffix, to + suffix)
}

function isSameFile(a: string, b: string): boolean {
  if (!existsSync(a) || !existsSync(b)) return false
  const [one, other] = [statSync(a), statSync(b)]
  return one.ino === other.ino && one.dev === other.dev
}

function removeAll(file: string): void {
  for (const suffix of ['', '-wal', '-shm', '-journal']) rmSync(file + suffix, { force: true })
}

function sync(path: string): void {
  const descriptor = openSync(path, 'r')
  fsyncSync(descriptor)
  closeSync(descriptor)
}

try {
  restore(process.argv[2])
} catch (error) {
  process.stderr.write(`db:restore: ${(error as Error).message}\n`)
  process.exitCode = 1
}
