// Plain JavaScript in old syntax, loaded first: a Node that is too old to run the server must be able to run this check.
// `node:crypto` has argon2 since 24.7, and type stripping is stable since 24.12.
const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)

if (major < 24 || (major === 24 && minor < 16)) {
  process.stderr.write(
    `confab: Node ${process.versions.node} is too old: 24.16 or newer is needed; a full npm install (without --omit=dev) brings one\n`
  )
  process.exit(1)
}

// The compile cache makes the next start a third faster. If its directory cannot be written, Node goes on without it.
const { enableCompileCache } = await import('node:module')
enableCompileCache(`${import.meta.dirname}/../node_modules/.cache/confab`)
