import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import '../../test/support/allow.ts'
import { domainXml } from '../../test/support/domain-xml.ts'
import { bedObstacle } from '../../test/support/libvirt-bed.ts'
import { defineDomain, saveDomain, startDomain } from '../../src/index.ts'
import { commandCost } from '../host/command-cost.ts'
import { costOf } from '../host/child-cost.ts'
import { checkout, stasisCommand } from '../peers/commands/stasis-commands.ts'
import { EMULATOR, startVirsh } from '../peers/commands/virsh-commands.ts'
import { commandLineOf, startAlone } from '../peers/qemu/start-alone.ts'
import type { Measurement, Scenario } from '../rounds/measurement.ts'
import type { BenchSetting } from '../setting.ts'
import type { Suite } from './suite.ts'

const RUNNING = 'running'
const OFF = 'off'

/** Short commands beside `node -e 0` and virsh, each with one running domain and one that is off. */
export const startSuite: Suite = {
  ...{ rounds: 15, usesRam: false, images: () => 0 },
  about: 'short commands, beside node -e 0 and virsh, and a restore by map of a small guest',
  async open(setting) {
    const directory = join(setting.directory, 'start')
    await mkdir(directory, { recursive: true })
    const stateDir = join(directory, 's')
    const env = { ...process.env, STASIS_STATE_DIR: stateDir }
    // The first command makes the bundles.
    costOf([join(checkout, 'bin/stasis'), 'version'], env)
    const image = await makeDomains(setting, directory, stateDir)
    const virsh = await virshScenarios(directory)
    const stasis = (...args: readonly string[]): Scenario => ({
      ...{ name: `stasis ${args.join(' ')}`, peer: 'node -e 0' },
      measure: () => measure(stasisCommand(checkout, ...args), env),
    })
    const machine = await commandLineOf(stateDir, RUNNING)
    return {
      scenarios: [
        { name: 'node -e 0', measure: () => measure([process.execPath, '-e', '0'], env) },
        ...[stasis('list', '--all'), stasis('domstate', RUNNING), stasis('domstate', OFF)],
        {
          ...{ name: 'bin/stasis list --all', peer: 'node -e 0' },
          measure: () => measure([join(checkout, 'bin/stasis'), 'list', '--all'], env),
        },
        ...virsh.scenarios,
        {
          ...{ name: 'stasis restore --mode map', peer: 'the same QEMU alone' },
          measure: () => {
            costOf(stasisCommand(checkout, 'destroy', RUNNING), env)
            return measure(stasisCommand(checkout, 'restore', '--mode', 'map', image), env)
          },
        },
        { name: 'the same QEMU alone', measure: () => startAlone(directory, machine) },
      ],
      async [Symbol.asyncDispose]() {
        costOf(stasisCommand(checkout, 'destroy', RUNNING), env)
        await virsh[Symbol.asyncDispose]()
      },
    }
  },
}

async function makeDomains(
  { emulator }: BenchSetting,
  directory: string,
  stateDir: string,
): Promise<string> {
  for (const name of [RUNNING, OFF])
    await defineDomain(xmlOf(name, emulator, directory), { stateDir })
  const image = join(directory, 'image.sav')
  await startDomain(RUNNING, { stateDir })
  await saveDomain(RUNNING, image, { stateDir, compression: 'none' })
  await startDomain(RUNNING, { stateDir })
  return image
}

function xmlOf(name: string, emulator: string, directory: string): string {
  const serial = { type: 'file', path: join(directory, `${name}.serial`) } as const
  return domainXml({ name, guest: 'tiny', emulator, memoryMib: 64, serial })
}

/** The same with virsh, where libvirt can run: inside the namespaces of its bed, which costs what `true` shows. */
async function virshScenarios(
  directory: string,
): Promise<AsyncDisposable & { readonly scenarios: readonly Scenario[] }> {
  const obstacle = bedObstacle()
  if (obstacle !== undefined) {
    console.error(`without virsh: ${obstacle}`)
    return { scenarios: [], [Symbol.asyncDispose]: () => Promise.resolve() }
  }
  const virsh = await startVirsh(directory, '9.0')
  for (const name of [RUNNING, OFF]) await virsh.define(name, xmlOf(name, EMULATOR, directory))
  const { argv, env } = virsh.commands
  costOf(argv('start', RUNNING), env)
  return {
    scenarios: [
      {
        name: 'true in the bed of libvirt',
        measure: () => measure(virsh.inside('true'), env),
      },
      { name: 'virsh list --all', measure: () => measure(argv('list', '--all'), env) },
      { name: 'virsh domstate running', measure: () => measure(argv('domstate', RUNNING), env) },
    ],
    [Symbol.asyncDispose]: () => virsh[Symbol.asyncDispose](),
  }
}

async function measure(command: readonly string[], env: NodeJS.ProcessEnv): Promise<Measurement> {
  const { wallMs, processorMs } = await commandCost(command, env)
  return { seconds: wallMs / 1000, processorSeconds: processorMs / 1000 }
}
