import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { domainInfo, resumeDomain, saveDomain, undefineDomain } from '../../src/index.ts'
import { VERBS } from '../../src/cli/verbs.ts'
import { identifyProcess } from '../../src/qemu/process/process-identity.ts'
import { isLongRun, oldestQemu } from '../support/qemus.ts'
import { snapshotOf } from '../support/snapshot.ts'
import { stasis } from '../support/stasis-command.ts'
import { type TinyDomain, startTinyDomain } from '../support/tiny-domain.ts'

/** Every command that only looks, for a domain `tiny` and an image. */
const looks = (image: string): readonly (readonly string[])[] => [
  ['list'],
  ['list', '--all', '--managed-save'],
  ['list', '--all', '--title'],
  ['domstate', 'tiny', '--reason'],
  ['domid', 'tiny'],
  ['domuuid', 'tiny'],
  ['domname', 'tiny'],
  ['desc', 'tiny', '--title'],
  ['domblklist', 'tiny', '--details'],
  ['domiflist', 'tiny', '--inactive'],
  ['vncdisplay', 'tiny'],
  ['domdisplay', 'tiny', '--all'],
  ['ttyconsole', 'tiny'],
  ['domstats', 'tiny'],
  ['dommemstat', 'tiny'],
  ['domblkstat', 'tiny'],
  ['vcpucount', 'tiny'],
  ['vcpuinfo', 'tiny'],
  ['domcontrol', 'tiny'],
  ['domblkinfo', 'tiny', '--all'],
  ['domifstat', 'tiny', 'net0'],
  ['domifaddr', 'tiny'],
  ['domtime', 'tiny'],
  ['domhostname', 'tiny'],
  ['domxml-to-native', 'qemu-argv', '--domain', 'tiny'],
  ['dominfo', 'tiny'],
  ['domjobinfo', 'tiny'],
  ['domjobinfo', 'tiny', '--completed'],
  ['dumpxml', 'tiny'],
  ['event', '--timeout', '1'],
  ['managedsave-dumpxml', 'tiny'],
  ['checkpoint-list', 'tiny'],
  ['snapshot-list', 'tiny', '--tree'],
  ['snapshot-dumpxml', 'tiny', 'none'],
  ['snapshot-current', 'tiny'],
  ['snapshot-info', 'tiny', 'none'],
  ['snapshot-parent', 'tiny', 'none'],
  ['host-save', '--dry-run'],
  ['export', 'tiny', '--xml'],
  ['export', 'tiny', '--to-libvirt', '--libvirt-root', `${image}.root`, '--dry-run'],
  ['import', '--all', '--libvirt-root', `${image}.root`, '--dry-run'],
  ['host-resume', '--dry-run', '--autostart'],
  ['image-info', image],
  ['image-info', image, '--verify'],
  ['image-verify', image],
  ['save', 'tiny', `${image}.new`, '--check'],
  ['help'],
  ['help', 'save'],
  ['--help'],
  ['console', '--help'],
  ['image-verify', image],
  ['image-check', image],
  ['restore', image, '--check'],
  ['save-image-dumpxml', image],
  ['image-cache', 'list'],
  ['images'],
  ['images', '--prune', '--keep', '0', '--dry-run'],
  ['config'],
  ['history'],
  ['doctor'],
  ['doctor', '--json'],
  ['version'],
  ['top', '--once'],
  ['echo', 'a'],
  ['pwd'],
  ['connect'],
  ['cd', '--help'],
  ['quit'],
  ['exit'],
  ['completion', 'bash'],
  ['systemd-units'],
]

/** The other verbs: they change something. `console` only shows what the guest writes, and what is typed is the guest's. */
const ACTS: ReadonlySet<string> = new Set([
  ...[
    'define',
    'create',
    'edit',
    'undefine',
    'start',
    'autostart',
    'shutdown',
    'reboot',
    'reset',
    'destroy',
  ],
  ...[
    'suspend',
    'resume',
    'dompmwakeup',
    'domfsfreeze',
    'domfsthaw',
    'managedsave',
    'managedsave-remove',
  ],
  ...['managedsave-define', 'managedsave-edit', 'domjobabort', 'postcopy-recover', 'state-share'],
  ...['save-image-define', 'save-image-edit', 'image-salvage', 'image-convert', 'domrename'],
  ...['attach', 'detach', 'qemu-monitor-command', 'qemu-agent-command'],
  ...['checkpoint', 'checkpoint-revert', 'checkpoint-delete', 'checkpoint-restore', 'clone'],
  'checkpoint-flatten',
  ...['snapshot-create-as', 'snapshot-revert', 'snapshot-delete'],
  ...['change-media', 'screenshot', 'send-key', 'inject-nmi', 'dompmsuspend'],
])

test('every verb only looks, and is tried below, or is known to act', () => {
  const tried = new Set(looks('image').map(([verb]) => verb))
  const unknown = VERBS.map(({ name }) => name).filter(
    (name) => !tried.has(name) && !ACTS.has(name),
  )
  assert.deepEqual(unknown, [])
})

/** Runs looks, usually every second one from `first`; nothing in the state directory may change, and the QEMU stays. */
async function assertLooksChangeNothing(
  { stateDir }: TinyDomain,
  image: string,
  pid: number,
  first: 0 | 1,
): Promise<void> {
  // QEMU itself writes its log.
  const snapshot = async (): Promise<readonly string[]> =>
    (await snapshotOf(stateDir)).filter((line) => !line.startsWith('log/tiny.log '))
  const before = await snapshot()
  const some = looks(image).filter((_, place) => isLongRun() || place % 2 === first)
  for (const args of some) {
    const { stderr, exitCode } = await stasis(stateDir, ...args)
    assert.notEqual(exitCode, 70, stderr)
    assert.deepEqual(await snapshot(), before, args.join(' '))
  }
  assert.ok((await identifyProcess(pid)) !== undefined)
}

async function saveAndDie({ stateDir }: TinyDomain, image: string, phase: string): Promise<void> {
  const script = join(import.meta.dirname, '../support/save-and-die.ts')
  const child = spawn(process.execPath, [script, stateDir, image, phase], { stdio: 'inherit' })
  const [, signal] = (await once(child, 'close')) as [number | null, string | null]
  assert.equal(signal, 'SIGKILL')
}

for (const { label, emulator } of oldestQemu()) {
  test(
    `no look writes, removes or ends anything after a killed save, on QEMU ${label}`,
    { timeout: 300_000 },
    async () => {
      await using tiny = await startTinyDomain({ emulator })
      const { stateDir, runtimeDir, dir, log } = tiny
      const image = dir.join('image')
      const other = dir.join('other')
      await log.advance(1)
      await saveDomain('tiny', other, { stateDir })
      await stasis(stateDir, 'restore', other)
      await log.advance(1)
      const running = await readdir(join(runtimeDir, 'tiny'))
      const { id } = await domainInfo('tiny', { stateDir })
      const pid = id as number

      await saveAndDie(tiny, image, 'transferring')
      await assertLooksChangeNothing(tiny, other, pid, 0)
      assert.equal((await domainInfo('tiny', { stateDir })).state, 'paused')
      await resumeDomain('tiny', { stateDir })
      await log.advance(1)
      assert.deepEqual(await readdir(join(runtimeDir, 'tiny')), running, 'litter of the save')
      const { stdout } = await stasis(stateDir, 'domjobinfo', 'tiny', '--completed')
      assert.match(stdout, /was killed/)

      await undefineDomain('tiny', { stateDir })
      await saveAndDie(tiny, image, 'ending')
      await assertLooksChangeNothing(tiny, image, pid, 1)
      // Nobody names a domain again that is not defined: the next operation on any domain puts it in order.
      await stasis(stateDir, 'start', 'another')
      assert.equal(await identifyProcess(pid), undefined)
      assert.deepEqual(await readdir(runtimeDir), [])
      const left = (await readdir(stateDir, { recursive: true })).filter((name) =>
        name.endsWith('.partial'),
      )
      assert.deepEqual(left, [])
      await log.assertUnbroken()
    },
  )
}
