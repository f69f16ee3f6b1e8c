import type { Plugin } from 'esbuild'

/** Packages that only some commands need. */
const PACKAGES = ['@xmldom/xmldom']

/** Node has these loaded when a program begins: nothing is gained by waiting. */
const ALWAYS_THERE = new Set([
  'buffer',
  'events',
  'fs',
  'module',
  'path',
  'process',
  'timers',
  'url',
  'util',
  'vm',
])

const NAMESPACE = 'at-first-use'

/**
 * Puts off what an import loads until one of its names is first used: for the builtins of Node, which take up to 4 ms each
 * (notes/node/loading.md), and for some packages. In place of the module stands an object whose getters load it.
 */
export const atFirstUse: Plugin = {
  name: NAMESPACE,
  setup(build) {
    build.onResolve({ filter: /^node:/ }, ({ path, namespace }) => {
      const late = namespace !== NAMESPACE && !ALWAYS_THERE.has(path.slice('node:'.length))
      return late ? { path, namespace: NAMESPACE } : { path, external: true }
    })
    build.onResolve({ filter: /^@xmldom\// }, ({ path, namespace }) =>
      namespace !== NAMESPACE && PACKAGES.includes(path)
        ? { path, namespace: NAMESPACE }
        : undefined,
    )
    build.onLoad({ filter: /.*/, namespace: NAMESPACE }, async ({ path }) => ({
      contents: standIn(path, Object.keys((await import(path)) as object)),
      resolveDir: build.initialOptions.absWorkingDir ?? process.cwd(),
    }))
  },
}

function standIn(path: string, names: readonly string[]): string {
  const getters = names
    .filter((name) => name !== 'default' && name !== 'module.exports')
    .map((name) => `get ${name}() { return load().${name} }`)
  return `let loaded
const load = () => (loaded ??= require(${JSON.stringify(path)}))
module.exports = { ${getters.join(', ')} }`
}
