import assert from 'node:assert/strict'
import { chmod, chown, mkdir, symlink, writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { tempDir } from '../../../test/support/temp-dir.ts'
import { Configuration, configurationFiles } from './configuration.ts'

const NOBODY = 65534

test('Configuration.read() lets the environment win over the files', async () => {
  await using dir = await tempDir()
  const path = dir.join('c.toml')
  await writeFile(path, 'qemu-user = "qemu"\n[save]\nformat = "raw"\n')
  const env = { STASIS_CONFIG: path, STASIS_SAVE_FORMAT: 'sparse', STASIS_QEMU_USER: '' }
  const configuration = await Configuration.read(env)
  assert.deepEqual(configuration.one('save.format'), {
    key: 'save.format',
    value: 'sparse',
    origin: { from: 'environment', variable: 'STASIS_SAVE_FORMAT' },
  })
  assert.deepEqual(configuration.qemuUser, { name: 'qemu', where: `${path}:1` })
  assert.deepEqual(configuration.one('restore.mode')?.origin, { from: 'default' })
})

test('Configuration.read() adds permissions of all places, and lets later networks win', async () => {
  await using dir = await tempDir()
  const path = dir.join('c.toml')
  await writeFile(path, 'allow = ["path:/a"]\n[networks]\nlan = "user"\n"x.y" = "none"\n')
  const env = {
    ...{ STASIS_CONFIG: path, STASIS_ALLOW: 'path:/b, emulator:/c' },
    STASIS_NETWORKS: 'lan=bridge:br0',
  }
  const { allow, networks } = await Configuration.read(env)
  assert.deepEqual(allow, [
    { rule: 'path:/a', where: `${path}:1` },
    { rule: 'path:/b', where: 'STASIS_ALLOW' },
    { rule: 'emulator:/c', where: 'STASIS_ALLOW' },
  ])
  assert.deepEqual(networks.get('lan'), { target: 'bridge:br0', where: 'STASIS_NETWORKS' })
  assert.equal(networks.get('x.y')?.target, 'none')
})

test('forVerb() takes from the tables of the verbs before it what its own does not set', async () => {
  await using dir = await tempDir()
  const path = dir.join('c.toml')
  const text = ['[save]', 'format = "sparse"', 'channels = 3', '[managedsave]', 'channels = 5']
  await writeFile(path, `${text.join('\n')}\n[host-save]\ntime-limit = 9\n`)
  const configuration = await Configuration.read({ STASIS_CONFIG: path })
  const values = (verb: 'save' | 'host-save' | 'restore'): unknown =>
    Object.fromEntries([...configuration.forVerb(verb)].map(([name, { value }]) => [name, value]))
  assert.deepEqual(values('save'), { format: 'sparse', channels: 3 })
  assert.deepEqual(values('host-save'), { format: 'sparse', channels: 5, 'time-limit': 9 })
  assert.deepEqual(values('restore'), {})
})

test('Configuration.read() refuses a file that another user may have written', async (t) => {
  await using dir = await tempDir()
  const path = dir.join('c.toml')
  const env = { STASIS_CONFIG: path }
  await writeFile(path, '')
  const refused = (message: RegExp): Promise<void> =>
    assert.rejects(Configuration.read(env), { code: 'UNSAFE_FILE', message })
  await chmod(path, 0o664)
  await refused(/other users may write to .*c\.toml/)
  await chmod(path, 0o644)
  await chmod(dir.path, 0o777)
  await refused(/other users may write to \/\S*stasis-[^/]*$/)
  await chmod(dir.path, 0o700)
  await mkdir(dir.join('planted'), { mode: 0o777 })
  await chmod(dir.join('planted'), 0o777)
  await writeFile(dir.join('planted/real.toml'), '')
  await symlink('planted/real.toml', dir.join('link.toml'))
  await assert.rejects(Configuration.read({ STASIS_CONFIG: dir.join('link.toml') }), {
    code: 'UNSAFE_FILE',
  })
  assert.deepEqual((await Configuration.read(env)).files, [path])
  if (process.geteuid?.() !== 0) return t.skip('only root can give a file away')
  await chown(path, NOBODY, NOBODY)
  await refused(/belongs to user 65534/)
})

test('Configuration.read() reports a file that was named and does not exist', async () => {
  await assert.rejects(Configuration.read({ STASIS_CONFIG: '/no/such.toml' }), {
    ...{ code: 'FILE_NOT_FOUND', path: '/no/such.toml' },
  })
  assert.deepEqual((await Configuration.read({ STASIS_CONFIG: '/dev/null' })).files, [])
})

test('Configuration.read() refuses a wrong variable', async () => {
  const env = { STASIS_CONFIG: '/dev/null', STASIS_SAVE_CHANNELS: 'many' }
  await assert.rejects(Configuration.read(env), {
    code: 'BAD_CONFIGURATION',
    message: 'STASIS_SAVE_CHANNELS must be a whole number from 1 to 64',
  })
})

test('configurationFiles() are those of the system and the user', () => {
  const files = (env: Readonly<Record<string, string>>): unknown => configurationFiles(env)
  const system = '/etc/stasis/stasis.toml'
  assert.deepEqual(files({ HOME: '/h' }), [system, '/h/.config/stasis/stasis.toml'])
  assert.deepEqual(files({ XDG_CONFIG_HOME: '/x' }), [system, '/x/stasis/stasis.toml'])
  assert.deepEqual(files({ XDG_CONFIG_HOME: 'relative', HOME: '/h' }), [
    system,
    '/h/.config/stasis/stasis.toml',
  ])
})
