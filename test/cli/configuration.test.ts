import assert from 'node:assert/strict'
import { chmod, readFile, stat, writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { newestQemu } from '../support/qemus.ts'
import { type CommandResult, stasis, stasisWith } from '../support/stasis-command.ts'
import { startTinyDomain } from '../support/tiny-domain.ts'
import { tempDir } from '../support/temp-dir.ts'

const DOCUMENT = new URL('../../docs/configuration.md', import.meta.url)

/** The last line of JSON. */
function answer<Answer>({ stdout }: CommandResult): Answer {
  return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as Answer
}

describe('the configuration', { concurrency: 1 }, () => {
  test('sets the options that a command line leaves out', async () => {
    const [qemu] = newestQemu()
    await using tiny = await startTinyDomain({ emulator: qemu?.emulator ?? '' })
    const { stateDir, dir } = tiny
    const config = dir.join('stasis.toml')
    const env = { STASIS_CONFIG: config }
    const run = async (...args: readonly string[]): Promise<CommandResult> => {
      const result = await stasisWith({ stateDir, env }, ...args)
      assert.equal(result.exitCode, 0, result.stderr)
      return result
    }
    await writeFile(config, '[save]\nformat = "channels"\nchannels = 3\n[restore]\nmode = "load"\n')
    const image = dir.join('image')
    const formatOf = async (): Promise<unknown> => {
      const result = await run('image-info', image, '--json')
      return answer<{ readonly format: string }>(result).format
    }
    await run('save', 'tiny', image)
    assert.equal(await formatOf(), 'channels')
    await stat(`${image}.2`)
    const restored = answer<{ readonly mode: string }>(await run('restore', image, '--json'))
    assert.equal(restored.mode, 'load')
    // The channels of the configuration belong to its format.
    await run('save', 'tiny', image, '--format', 'raw')
    assert.equal(await formatOf(), 'raw')
  })

  test('is refused where it is wrong or planted, and looking commands do not need it', async () => {
    await using dir = await tempDir()
    const config = dir.join('stasis.toml')
    const env = { STASIS_CONFIG: config }
    const stateDir = dir.join('state')
    await writeFile(config, '[save]\nformt = "raw"\n')
    const wrong = await stasisWith({ stateDir, env }, 'save', 'web', dir.join('image'))
    assert.equal(wrong.exitCode, 2)
    assert.equal(
      wrong.stderr,
      `error: ${config}:2: there is no setting "save.formt"\nhint: Did you mean save.format?\n`,
    )
    assert.equal((await stasisWith({ stateDir, env }, 'list')).exitCode, 0)
    const health = await stasisWith({ stateDir, env }, 'doctor')
    assert.equal(health.exitCode, 2)
    assert.match(health.stdout, /^ERROR +\S+:2: there is no setting "save\.formt"$/m)
    await writeFile(config, '')
    await chmod(config, 0o666)
    const planted = await stasisWith({ stateDir, env }, 'config', '--json')
    assert.equal(planted.exitCode, 7)
    assert.match(planted.stderr, /"code":"UNSAFE_FILE"/)
  })

  test('allows what an image asks for, and `config` says where each value is from', async () => {
    await using dir = await tempDir()
    const config = dir.join('stasis.toml')
    await writeFile(config, 'allow = ["path:/srv/vm"]\n[networks]\nlan = "user"\n')
    const env = { STASIS_CONFIG: config, STASIS_ALLOW: 'emulator:/q', STASIS_SAVE_CHANNELS: '8' }
    const asked = ['config', '--json', '--network', 'wan=none'] as const
    const { stdout } = await stasisWith({ stateDir: dir.path, env }, ...asked)
    const { settings } = JSON.parse(stdout) as { readonly settings: readonly { key: string }[] }
    const shown = (key: string): unknown => settings.filter((one) => one.key === key)
    const file = { from: 'file', path: config }
    assert.deepEqual(shown('allow'), [
      { key: 'allow', value: 'path:/srv/vm', origin: { ...file, line: 1 } },
      {
        key: 'allow',
        value: 'emulator:/q',
        origin: { from: 'environment', variable: 'STASIS_ALLOW' },
      },
    ])
    assert.deepEqual(shown('networks.lan'), [
      { key: 'networks.lan', value: 'user', origin: { ...file, line: 3 } },
    ])
    assert.deepEqual(shown('networks.wan'), [
      { key: 'networks.wan', value: 'none', origin: { from: 'flag', flag: '--network' } },
    ])
    assert.deepEqual(shown('save.channels'), [
      {
        key: 'save.channels',
        value: 8,
        origin: { from: 'environment', variable: 'STASIS_SAVE_CHANNELS' },
      },
    ])
    await writeFile(config, 'allow = ["paths:/srv/vm"]\n')
    const wrong = await stasisWith({ stateDir: dir.path, env }, 'config')
    assert.match(wrong.stderr, /stasis\.toml:1: "paths:\/srv\/vm" is not a valid permission/)
  })

  test('is written as its document shows', async () => {
    await using dir = await tempDir()
    const samples = (await readFile(DOCUMENT, 'utf8')).matchAll(/```toml\n([^]*?)```/g)
    let count = 0
    for (const [, sample = ''] of samples) {
      const config = dir.join('stasis.toml')
      await writeFile(config, sample)
      const env = { STASIS_CONFIG: config }
      const result = await stasisWith({ stateDir: dir.path, env }, 'config')
      assert.equal(result.exitCode, 0, result.stderr)
      count += 1
    }
    assert.ok(count > 0)
    assert.equal((await stasis(dir.path, 'config')).exitCode, 0)
  })
})
