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

// Puts a copy of the database in its place. Clients notice by the new epoch, and begin anew.

function restore(copy: string | undefined): void {
  if (!copy) throw new ConfigError('say which copy: npm run db:restore -- copy.db')
  if (!existsSync(copy)) throw new ConfigError(`there is no ${copy}`)
  const name = loadDatabaseFile()
  if (name === ':memory:') throw new ConfigError('DATABASE_URL is sqlite:///:memory:, which has no file')
  if (isSameFile(copy, name)) throw new ConfigError(`${copy} is the database itself`)
  const kept = `${name}.replaced`
  if (isSameFile(kept, name)) takeBack(kept, name)
  const { file, release } = acquireLock(name)
  const part = `${file}.restoring`
  try {
    removeAll(part)
    copyTo(part, copy)
    prepare(part, copy)
    keep(file, kept)
    renameSync(part, file)
    sync(dirname(file))
    process.stdout.write(`Restored ${copy} to ${file}. The database before is ${kept}: delete it when all is well\n`)
  } finally {
    removeAll(part)
    release()
  }
}

/** A copy for this user alone, together with the log that a crash has left beside it. */
function copyTo(part: string, copy: string): void {
  for (const suffix of ['', '-wal']) {
    if (!existsSync(copy + suffix)) continue
    closeSync(openSync(part + suffix, 'w', 0o600))
    copyFileSync(copy + suffix, part + suffix)
  }
}

/** Checks the copy from its first page to its last, migrates it and begins a new epoch in it. */
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
 * Gives the database a second name, with what a crash has left beside it: both together can still be opened. The first
 * name is never without a file, or the next start would make an empty database.
 */
function keep(file: string, kept: string): void {
  removeAll(kept)
  linkSync(file, kept)
  moveLog(file, kept)
}

/** Undoes what a restore that was interrupted has done: both are names of the database from before. */
function takeBack(kept: string, name: string): void {
  moveLog(kept, name)
  rmSync(kept)
}

/** Moves what a crash has left beside a database. */
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
