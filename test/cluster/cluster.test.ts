import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync } from 'node:fs'
import { basename, join } from 'node:path'
import { test } from 'node:test'
import { isLongRun, newestQemu } from '../support/qemus.ts'
import { command } from '../support/stasis-command.ts'
import { tempDir } from '../support/temp-dir.ts'
import { Bed, bedObstacle } from './bed.ts'
import { sharedState } from './domain-resource.ts'
import { nodeOff } from './losses.ts'
import { Observer } from './observer.ts'
import { drain } from './orderly.ts'
import { finish, perform, prepare } from './scenario.ts'

// `npm run test:cluster` does the rest.
test(
  'a guest of a cluster continues on another node when its node is emptied',
  {
    skip: bedObstacle(),
  },
  async () => {
    await using dir = await tempDir()
    const folder = dir.join('bed')
    const before = new Set(readdirSync('/proc/'))
    {
      await using bed = await Bed.up(folder)
      using observer = new Observer(bed.folder)
      const [{ emulator } = { emulator: '' }] = newestQemu()
      const stage = await prepare(bed, observer, { emulator })
      await perform(drain, stage)
      if (isLongRun()) {
        await perform(nodeOff, stage)
        await finish(stage)
        const parameters = [
          `config=${stage.guest.config}`,
          `state_dir=${sharedState(bed)}`,
          `stasis=${command}`,
        ].flatMap((each) => ['-o', each])
        const agent = '/usr/lib/ocf/resource.d/stasis/Domain'
        const said = await bed.must('n3', 'ocf-tester', '-n', 'tested', ...parameters, agent)
        assert.match(said, /passed all tests/)
        await assertExample(bed)
      }
    }
    assert.ok(!existsSync(folder))
    assert.deepEqual(leftOf(folder, before), [])
  },
)

/** The example for crmsh loads. The bed does not have the fence agent that it names. */
async function assertExample(bed: Bed): Promise<void> {
  const example = join(import.meta.dirname, '../../contrib/pacemaker/cell.crm')
  const script = `cibadmin --empty >/run/empty.xml; CIB_file=/run/empty.xml crm -F configure load update ${example} 2>&1; cat /run/empty.xml`
  const said = await bed.must('n1', 'sh', '-c', script)
  const faults = said.split('\n').filter((line) => /ERROR/.test(line))
  assert.deepEqual(
    faults.filter((line) => !line.includes('fence_ipmilan')),
    [],
  )
  assert.match(said, /<primitive id="db" class="ocf" provider="stasis" type="Domain">/)
}

/** What is left of a bed: processes that name its folder or its scripts, mounts, and loop devices. */
function leftOf(folder: string, before: ReadonlySet<string>): readonly string[] {
  const processes = readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && !before.has(pid))
    .filter((pid) => names(pid, folder))
    .map((pid) => `process ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ')}`)
  const mounts = read('/proc/self/mountinfo')
    .split('\n')
    .filter((line) => line.includes(folder))
  const loops = readdirSync('/sys/block')
    .filter((name) => read(`/sys/block/${name}/loop/backing_file`).includes(folder))
    .map((name) => `loop device ${basename(name)}`)
  return [...processes, ...mounts, ...loops]
}

/** The folder is in the environment of all that runs in a node. */
function names(pid: string, folder: string): boolean {
  return ['cmdline', 'environ'].some((each) => read(join('/proc', pid, each)).includes(folder))
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    return ''
  }
}
