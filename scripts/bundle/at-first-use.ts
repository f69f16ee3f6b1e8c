import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Plugin } from 'esbuild'
import { importsOf } from '../import-rule/source-text.ts'

/** Packages that only some commands need. */
const PACKAGES = ['@xmldom/xmldom']

/** Node has these loaded when a program begins: nothing is gained by waiting. */
const ALWAYS_THERE = new Set(
  ['buffer', 'events', 'fs', 'module', 'path', 'process', 'timers', 'url', 'util', 'vm'].map(
    (name) => `node:${name}`,
  ),
)

/** What packages in the bundles import as a whole. */
const IMPORTED_WHOLE = new Set(['node:child_process', 'node:fs', 'node:path', 'node:process'])

const LATE = 'at-first-use'
const WHOLE = 'whole'

/**
 * Puts off what an import loads until one of its names is first used: for the builtins of Node, which take up to 4 ms each
 * (notes/node/start-up.md), and for some packages. In place of a builtin stands what `LATE_REQUIRE` returns. In place of a package, and of a builtin that a
 * file imports as a whole, stands an object whose getters load it. It has only the names that the sources import, because esbuild copies
 * them for each file that does.
 */
export function atFirstUse(root: string): Plugin {
  const names = importedNames(root)
  return {
    name: LATE,
    setup(build) {
      build.onResolve({ filter: /^node:|^@xmldom\/xmldom$/ }, ({ path, namespace, importer }) => {
        const isOwn = namespace === LATE || namespace === WHOLE
        if (!path.startsWith('node:')) return isOwn ? undefined : { path, namespace: LATE }
        if (isOwn) return { path, external: true }
        if (importer.includes('/node_modules/') && IMPORTED_WHOLE.has(path))
          return { path, namespace: WHOLE }
        const isWhole = !ALWAYS_THERE.has(path) && names.get(path)?.has('*') === true
        return isWhole ? { path, namespace: LATE } : { path, external: true }
      })
      build.onLoad({ filter: /.*/, namespace: LATE }, async ({ path }) => {
        const some = names.get(path) ?? new Set()
        const wanted = some.has('*') ? await namesOf(path) : some
        return { contents: `module.exports = ${lateObject(path, wanted)}`, resolveDir: root }
      })
      build.onLoad({ filter: /.*/, namespace: WHOLE }, async ({ path }) => {
        const isThere = ALWAYS_THERE.has(path)
        const whole = isThere ? `require('${path}')` : lateObject(path, await namesOf(path))
        return { contents: `export default ${whole}` }
      })
    },
  }
}

async function namesOf(path: string): Promise<readonly string[]> {
  return Object.keys((await import(path)) as object)
}

/** The source of an object with these properties of a module, which it loads when one of them is read. */
function lateObject(path: string, names: Iterable<string>): string {
  const getters = [...names]
    .filter((name) => name !== 'default' && name !== 'module.exports')
    .map((name) => `get ${name}() { return load().${name} }`)
  return `(() => { let loaded
const load = () => (loaded ??= require('${path}'))
return { ${getters.join(', ')} } })()`
}

/**
 * The text of a function that makes the `require` of a bundle from that of Node: builtins that are not always there load when one of their properties is first read. esbuild
 * copies the properties of a module for each file that imports it, but not those of one that it does not bundle.
 */
export const LATE_REQUIRE: string = `(() => {
const there = new Set(${JSON.stringify([...ALWAYS_THERE])}), late = new Map();
return (require) => (id) => {
  if (!id.startsWith('node:') || there.has(id)) return require(id);
  let stand = late.get(id), loaded;
  if (stand === undefined) late.set(id, stand = new Proxy({}, { get: (_, name) => (loaded ??= require(id))[name] }));
  return stand;
};
})()`.replaceAll(/\n */g, ' ')

/** The names that the sources import from each builtin and package that is loaded late. */
function importedNames(root: string): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>()
  for (const file of globSync('src/**/*.ts', { cwd: root })) {
    if (file.endsWith('.test.ts')) continue
    for (const { specifier, names } of importsOf(readFileSync(join(root, file), 'utf8'))) {
      if (!specifier.startsWith('node:') && !PACKAGES.includes(specifier)) continue
      if (ALWAYS_THERE.has(specifier)) continue
      const all = found.get(specifier) ?? new Set()
      found.set(specifier, all)
      for (const name of names) all.add(name)
    }
  }
  return found
}
