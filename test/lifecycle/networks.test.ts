import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { describe, test } from 'node:test'
import { CounterLog } from '../support/counter-log.ts'
import { domainXml } from '../support/domain-xml.ts'
import { newestQemu } from '../support/qemus.ts'
import { type CommandResult, stasis } from '../support/stasis-command.ts'
import { type TempDir, tempDir } from '../support/temp-dir.ts'

/** A domain `tiny` whose network card is on a network of libvirt that this host does not have. */
interface NetworkBed extends AsyncDisposable {
  readonly dir: TempDir
  readonly image: string
  readonly log: CounterLog
  readonly run: (...args: readonly string[]) => Promise<CommandResult>
  /** Runs a command that must succeed. */
  readonly good: (...args: readonly string[]) => Promise<CommandResult>
}

async function networkBed(emulator: string): Promise<NetworkBed> {
  const dir = await tempDir()
  const state = dir.join('state')
  const serial = { type: 'file', path: dir.join('serial') } as const
  const xml = domainXml({ name: 'tiny', guest: 'tiny', emulator, serial }).replace(
    /<interface type='user'>/,
    "<interface type='network'>\n      <source network='stasis-office'/>",
  )
  await writeFile(dir.join('tiny.xml'), xml)
  const run = (...args: readonly string[]): Promise<CommandResult> => stasis(state, ...args)
  return {
    dir,
    image: dir.join('image'),
    log: new CounterLog(serial.path),
    run,
    good: async (...args) => {
      const result = await run(...args)
      assert.equal(result.exitCode, 0, result.stderr)
      return result
    },
    async [Symbol.asyncDispose]() {
      await run('destroy', 'tiny')
      await dir[Symbol.asyncDispose]()
    },
  }
}

function ip(...args: readonly string[]): boolean {
  return spawnSync('ip', args).status === 0
}

/** A bridge of this host; `undefined` for users who cannot make one. */
function makeBridge(name: string): boolean {
  return process.geteuid?.() === 0 && ip('link', 'add', name, 'type', 'bridge')
}

for (const { emulator, label } of newestQemu()) {
  describe(`network cards on QEMU ${label}`, () => {
    test('a network that is missing is named with what to do, and a caller says what it is, once', async () => {
      await using bed = await networkBed(emulator)
      const { run, good, image, log, dir } = bed
      const defined = await good('define', dir.join('tiny.xml'))
      assert.match(
        defined.stderr,
        /^warning: it cannot start now: .*libvirt has no network "stasis-office" on this host\. Choose a connection/,
      )
      const refused = await run('start', 'tiny')
      assert.equal(refused.exitCode, 4)
      assert.match(
        refused.stderr,
        /^error: \/domain\/devices\/interface.*: libvirt has no network "stasis-office" on this host\nhint: .*--network stasis-office=bridge:BRIDGE, tap:DEVICE or user; --allow-link-down/,
      )
      const missing = await run('start', 'tiny', '--network', 'stasis-office=bridge:nobridge0')
      assert.match(
        missing.stderr,
        /^error: .*the device nobridge0 of --network .* is missing\nhint: Create it; --allow/,
      )

      await good('start', 'tiny', '--network', 'stasis-office=user')
      await log.advance(3)
      assert.match((await good('dumpxml', 'tiny')).stdout, /<interface type='user'>/)
      const definition = await good('dumpxml', 'tiny', '--inactive')
      assert.match(definition.stdout, /<source network='stasis-office'\/>/)
      await good('save', 'tiny', image)
      await good('restore', image)
      await log.advance(3)
      await good('managedsave', 'tiny')
      await good('start', 'tiny', '--network', 'stasis-office=forget', '--allow-link-down')
      await log.advance(3)
      await log.assertUnbroken()
      await good('destroy', 'tiny')
      assert.match((await run('start', 'tiny')).stderr, /libvirt has no network "stasis-office"/)
    })

    test('--xml puts a card whose host side is not known to another network', async () => {
      await using bed = await networkBed(emulator)
      const { run, good, image, log, dir } = bed
      await good('define', dir.join('tiny.xml'), '--network', 'stasis-office=user')
      await good('start', 'tiny')
      await log.advance(3)
      await good('save', 'tiny', image, '--format', 'raw')
      await good('define', dir.join('tiny.xml'), '--network', 'stasis-office=forget')
      const { stdout: user } = await good('save-image-dumpxml', image)
      await writeFile(dir.join('user.xml'), user)
      const network =
        "<interface type='network'>\n      <source network='stasis-office' portid='1' bridge='virbr0'/>"
      await writeFile(dir.join('network.xml'), user.replace("<interface type='user'>", network))
      await good('save-image-define', image, dir.join('network.xml'))
      const check = await run('image-check', image)
      assert.match(check.stdout, /Libvirt has no network "stasis-office" on this host/)
      assert.match(
        (await run('restore', image)).stderr,
        /libvirt has no network "stasis-office" on this host/,
      )
      await good('restore', image, '--xml', dir.join('user.xml'))
      await log.advance(3)
      await log.assertUnbroken()
    })

    test('a card is a port of its bridge, and an image of it loads without the bridge', async (context) => {
      const bridge = `stbr${label.replaceAll('.', '')}`
      if (!makeBridge(bridge)) return context.skip('this user cannot make a bridge')

      await using bed = await networkBed(emulator)
      const { run, good, image, log, dir } = bed
      try {
        await good('define', dir.join('tiny.xml'), '--network', `stasis-office=bridge:${bridge}`)
        await good('start', 'tiny')
        await log.advance(3)
        assert.match(
          spawnSync('ip', ['-o', 'link', 'show', 'master', bridge]).stdout.toString(),
          /stasis\d+: .*UP.*fe:54:00/,
        )
        const listed = (await good('domiflist', 'tiny')).stdout
        const device = /^ (stasis\d+) +network +stasis-office /m.exec(listed)?.[1] ?? listed
        assert.match((await good('domifstat', 'tiny', device)).stdout, /^stasis\d+ rx_bytes \d+\n/)
        const statistics = (await good('domstats', 'tiny', '--interface')).stdout
        assert.match(statistics, /net\.0\.name=stasis\d+\n {2}net\.0\.rx\.bytes=\d+/)
        await good('save', 'tiny', image)
        assert.equal(
          spawnSync('ip', ['-o', 'link', 'show', 'master', bridge]).stdout.toString(),
          '',
        )
        await good('restore', image)
        await log.advance(3)
        await good('save', 'tiny', image)
      } finally {
        ip('link', 'del', bridge)
      }
      const gone = await run('restore', image)
      assert.match(gone.stderr, new RegExp(`the device ${bridge} of --network .* is missing`))
      const user = await run('restore', image, '--network', 'stasis-office=user')
      assert.match(
        user.stderr,
        /Could not load[^]*\nhint: .* is on a user network now\. If it was on a tap device/,
      )
      await good('restore', image, '--allow-link-down')
      await log.advance(3)
      await log.assertUnbroken()
    })
  })
}
