/**
 * Refuses a Node that is too old, with a sentence. The first import of each public entry, so that it runs before everything else. Node links all modules before it runs the
 * first: names that older versions of a builtin do not have (zstd in `node:zlib`, `findPackageJSON` in `node:module`) are therefore taken from its namespace.
 */
const OLDEST_NODE = 24

if (Number.parseInt(process.versions.node, 10) < OLDEST_NODE)
  throw new Error(
    `Stasis needs Node.js ${OLDEST_NODE} or newer, but ${process.execPath} is ${process.version}`,
  )
