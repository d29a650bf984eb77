/** Maximum nesting of objects and arrays. */
const MAX_DEPTH = 100

/**
 * Returns why a parsed JSON value cannot be stored and returned unchanged in at most `maxBytes` bytes of UTF-8; undefined
 * when it can. It checks the depth first and without recursion, because `JSON.stringify` of a value that is nested
 * 100,000 deep overflows the stack.
 */
export function findJsonProblem(value: unknown, maxBytes: number): string | undefined {
  let level = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return `must not be nested more than ${MAX_DEPTH} deep`
    const next: unknown[] = []
    for (const item of level) {
      if (typeof item === 'number' && !Number.isFinite(item)) return 'must not have numbers that overflow'
      if (typeof item !== 'object' || item === null) continue
      if (Object.hasOwn(item, '__proto__')) return 'must not have the key "__proto__"'
      for (const child of Object.values(item)) next.push(child)
    }
    level = next
  }
  return Buffer.byteLength(JSON.stringify(value)) > maxBytes ? `must be at most ${maxBytes} bytes of JSON` : undefined
}
