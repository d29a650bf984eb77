import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

/** A setting is not valid. The message is one line that names the variable and what is allowed. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * Reads the settings in a file such as `.env`, one `NAME=value` a line. Returns none when the file does not exist. Throws
 * ConfigError for everything that would otherwise be ignored silently: a file that is not UTF-8, a line that is not a
 * setting, a name that is not in `names`, and a name that is set twice. A byte order mark is ignored.
 */
export function readEnvFile(file: string, names: readonly string[]): Record<string, string> {
  const settings: Record<string, string> = {}
  for (const [i, line] of linesOf(file).entries()) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    const [, name] = /^(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(text) ?? []
    if (name === undefined) throw new ConfigError(`${file}: line ${i + 1} must be NAME=value, a comment or empty`)
    if (!names.includes(name)) throw new ConfigError(`${file}: ${name} is not a setting${suggestion(name, names)}`)
    if (settings[name] !== undefined) throw new ConfigError(`${file}: ${name} is set twice`)
    settings[name] = parseEnv(text)[name] ?? ''
  }
  return settings
}

function linesOf(file: string): string[] {
  const bytes = read(file)
  // Some editors and shells write UTF-16. ASCII text in UTF-16 is valid UTF-8 with a NUL after each character.
  if (!isUtf8(bytes) || bytes.includes(0)) throw new ConfigError(`${file} must be a text file in UTF-8`)
  return new TextDecoder().decode(bytes).split(/\r\n|\r|\n/)
}

function read(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw new ConfigError(`${file} cannot be read: ${(error as Error).message}`)
  }
}

/** A hint for an unknown name: the most similar known name, or where to find all names. */
function suggestion(name: string, names: readonly string[]): string {
  const given = name.toUpperCase()
  const nearest = names.toSorted((a, b) => distance(given, a) - distance(given, b))[0] ?? ''
  return distance(given, nearest) <= nearest.length / 2
    ? `: did you mean ${nearest}?`
    : ': .env.example lists all settings'
}

/** The Levenshtein distance of two texts: the number of characters to insert, delete or replace. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j)
  for (const [i, letter] of [...a].entries()) {
    const above = row
    row = [i + 1]
    for (let j = 1; j <= b.length; j++) {
      const replaced = (above[j - 1] as number) + (b[j - 1] === letter ? 0 : 1)
      row[j] = Math.min(replaced, (above[j] as number) + 1, (row[j - 1] as number) + 1)
    }
  }
  return row[b.length] as number
}
