import manifest from '../../package.json' with { type: 'json' }

/** The version of this server; package.json is the one place that says it. */
export const VERSION = manifest.version
