/** Cookies of one name that are looked at; more are not from a browser. */
const MOST = 10

/**
 * The values of the cookies of this name in a Cookie header, in their order, without the quotes that a value may have
 * (RFC 6265, section 4.1.1). There may be several: other servers of the site set theirs for the whole domain.
 */
export function cookiesNamed(name: string, header: string | undefined): string[] {
  const values: string[] = []
  for (const pair of header?.split(';') ?? []) {
    const at = pair.indexOf('=')
    if (at === -1 || pair.slice(0, at).trim() !== name) continue
    const value = pair.slice(at + 1).trim()
    values.push(/^".*"$/.test(value) ? value.slice(1, -1) : value)
    if (values.length === MOST) break
  }
  return values
}
