import { isUtf8 } from 'node:buffer'
import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'

/** A setting that cannot be used. Its message is one line that names the variable and what is allowed. */
export class ConfigError extends Error {
  override name = 'ConfigError'
}

/**
 * The settings in a file such as `.env`, one `NAME=value` a line; none when there is no such file. Throws ConfigError for
 * whatever would otherwise be passed over without a word: a file that is not UTF-8, a line that is no setting, a name
 * that is none of `names`, a name that stands there twice. A byte order mark is passed over.
 */
export function readEnvFile(file: string, names: readonly string[]): Record<string, string> {
  const settings: Record<string, string> = {}
  for (const [i, line] of linesOf(file).entries()) {
    const text = line.trim()
    if (text === '' || text.startsWith('#')) continue
    const [, name] = /^(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(text) ?? []
    if (name === undefined) throw new ConfigError(`${file}: line ${i + 1} must be NAME=value, a comment or empty`)
    if (!names.includes(name)) throw new ConfigError(`${file}: ${name} is no setting${suggestion(name, names)}`)
    if (settings[name] !== undefined) throw new ConfigError(`${file}: ${name} stands there twice`)
    settings[name] = parseEnv(text)[name] ?? ''
  }
  return settings
}

function linesOf(file: string): string[] {
  const bytes = read(file)
  // UTF-16, which some editors and shells write, is UTF-8 too as long as it has a NUL in every other place.
  if (!isUtf8(bytes) || bytes.includes(0))
    throw new ConfigError(`${file} must be a text file in UTF-8: save it as that`)
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

/** The known name that differs least from one that is not known, in words; empty when none is alike. */
function suggestion(name: string, names: readonly string[]): string {
  const given = name.toUpperCase()
  const nearest = names.toSorted((a, b) => distance(given, a) - distance(given, b))[0] ?? ''
  return distance(given, nearest) <= nearest.length / 2 ? `: did you mean ${nearest}?` : ': .env.example names them all'
}

/** How many characters have to be inserted, left out or replaced to make `b` of `a` (Levenshtein). */
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
