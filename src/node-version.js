// Plain JavaScript in old syntax, loaded before everything else: a Node that cannot run the rest must still be able to
// say so. `node:crypto` gained argon2 in 24.7 and type stripping became stable in 24.12.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 24 || (major === 24 && minor < 16)) {
  process.stderr.write(
    `confab: Node ${process.versions.node} is too old: 24.16 or newer is needed; a full npm install (without --omit=dev) brings one\n`
  )
  process.exit(1)
}

// Compiled code is kept for the next start, which is a third faster. Where it cannot be written, nothing is kept.
const { enableCompileCache } = await import('node:module')
enableCompileCache(`${import.meta.dirname}/../node_modules/.cache/confab`)
