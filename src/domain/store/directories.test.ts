import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type DirectoryOptions, resolveDirectories } from './directories.ts'
import { runtimePaths } from './runtime-paths.ts'

function resolved(
  options: DirectoryOptions,
  env: Record<string, string>,
  root = false,
): [string, string] {
  const { stateDir, runtimeDir } = resolveDirectories(options, { env, root })
  return [stateDir, runtimeDir]
}

test('resolveDirectories() follows the system for root and the XDG rules for others', () => {
  assert.deepEqual(resolved({}, {}, true), ['/var/lib/stasis', '/run/stasis'])
  const home = { HOME: '/home/ann', XDG_RUNTIME_DIR: '/run/user/7' }
  assert.deepEqual(resolved({}, home), ['/home/ann/.local/state/stasis', '/run/user/7/stasis'])
  assert.deepEqual(resolved({}, { ...home, XDG_STATE_HOME: '/s' }), [
    '/s/stasis',
    '/run/user/7/stasis',
  ])
  assert.deepEqual(resolved({}, { HOME: '/home/ann' }), [
    '/home/ann/.local/state/stasis',
    '/home/ann/.local/state/stasis/run',
  ])
})

test('resolveDirectories() puts the runtime directory into a given state directory', () => {
  const env = { STASIS_STATE_DIR: '/env', XDG_RUNTIME_DIR: '/run/user/7', HOME: '/h' }
  assert.deepEqual(resolved({}, env), ['/env', '/env/run'])
  assert.deepEqual(resolved({ stateDir: '/given' }, env, true), ['/given', '/given/run'])
  assert.deepEqual(resolved({}, { ...env, STASIS_RUNTIME_DIR: '/r' }), ['/env', '/r'])
  assert.deepEqual(resolved({ runtimeDir: '/mine' }, { ...env, STASIS_RUNTIME_DIR: '/r' }), [
    '/env',
    '/mine',
  ])
})

test('runtimePaths() refuses a directory whose socket paths would be too long for Linux', () => {
  const directories = { stateDir: '/s', runtimeDir: `/${'d'.repeat(80)}` }
  assert.equal(
    runtimePaths(directories, 'web').querySocket,
    `${directories.runtimeDir}/web/query.sock`,
  )
  assert.throws(() => runtimePaths(directories, 'a-domain-with-a-longer-name'), {
    code: 'PATH_TOO_LONG',
    hint: /shorter/,
  })
})

test('runtimePaths() uses a digest in place of a name that makes a path too long', () => {
  const directories = { stateDir: '/s', runtimeDir: '/run/stasis' }
  const directoryOf = (name: string): string => runtimePaths(directories, name).directory
  assert.equal(directoryOf('web'), '/run/stasis/web')
  const long = directoryOf('n'.repeat(200))
  assert.match(long, /^\/run\/stasis\/~[0-9a-f]{16}$/)
  assert.notEqual(directoryOf(`${'n'.repeat(199)}m`), long)
  // A name that looks like a digest does not share the directory of the name that it may be the digest of.
  assert.notEqual(directoryOf(long.slice('/run/stasis/'.length)), long)
})
