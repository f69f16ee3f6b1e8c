import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { makeTemporaryDirectory } from '../../src/io/files/temporary-directory.ts'
import { buildCommandLine } from '../../src/qemu/command-line/build.ts'
import { normaliseDomain } from '../../src/qemu/domain-xml/normalise.ts'
import { parseDomainXml } from '../../src/qemu/domain-xml/parse.ts'
import { readDomain } from '../../src/qemu/domain-xml/read-domain.ts'
import { endQemu } from '../../src/qemu/process/end.ts'
import { launchQemu } from '../../src/qemu/process/launch.ts'
import type { QmpConnection } from '../../src/qmp/connection.ts'
import { type TestQemu, qemus, withQemu11 } from '../support/qemus.ts'

/** Short names that QEMU accepts for a type (softmmu/qdev-monitor.c, `qdev_alias_table`). */
const ALIASES: Readonly<Record<string, string>> = { lsi: 'lsi53c895a', ahci: 'ich9-ahci' }

/** Devices that a package of its own contains. */
const OPTIONAL = ['qxl', 'qxl-vga']

// Every property that our command lines contain exists in QEMU under that name. The machines have nearly everything that a domain XML can ask for.

for (const qemu of withQemu11(qemus())) {
  suite(`QEMU ${qemu.label}`, { skip: qemu.missing }, () => {
    for (const file of ['everything-q35.xml', 'everything-pc.xml'])
      test(`has every property of ${file}`, async () => {
        const argv = commandLine(file, qemu)
        await withMonitor(qemu, async (qmp) => {
          const unknown: string[] = []
          for (const [type, names] of propertiesOf(argv)) {
            const known = await namesOf(qmp, ALIASES[type] ?? type)
            if (known === undefined) {
              if (!OPTIONAL.includes(type)) unknown.push(type)
            } else for (const name of names) if (!known.has(name)) unknown.push(`${type}.${name}`)
          }
          assert.deepEqual(unknown, [])
        })
      })
  })
}

function commandLine(file: string, qemu: TestQemu): readonly string[] {
  const text = readFileSync(new URL(file, import.meta.url), 'utf8')
    .replaceAll('VERSION', qemu.label)
    // `<!-- 10: … -->` is for QEMU 10 and later.
    .replace(/<!-- (\d+): ([\s\S]*?)-->/g, (_all, since: string, part: string) =>
      qemu.major >= Number(since) ? part : '',
    )
  const { domain } = readDomain(normaliseDomain(parseDomainXml(text)))
  const [major = 0, minor = 0] = qemu.label.split('.').map(Number)
  return buildCommandLine(domain, {
    qemuVersion: { major, minor, micro: 0 },
    monitors: [],
    incoming: false,
    socketDirectory: '/run',
  })
}

/** The properties that a command line sets, by the type of the object. */
function propertiesOf(argv: readonly string[]): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>()
  const add = (type: string, names: readonly string[]): void => {
    found.set(type, new Set([...(found.get(type) ?? []), ...names]))
  }
  argv.forEach((value, at) => {
    const [first = '', ...rest] = value.split(',').map((part) => part.split('=')[0] ?? '')
    switch (argv[at - 1]) {
      case '-device':
      case '-object': {
        const { driver, 'qom-type': type, id: _, ...others } = JSON.parse(value) as Properties
        const names = Object.keys(others).filter((name) => name !== 'bus')
        return add(driver ?? type ?? '', names)
      }
      case '-cpu':
        return add('max-x86_64-cpu', rest)
      case '-machine':
        // QEMU passes this one on to the accelerator (softmmu/vl.c, `qemu_apply_legacy_machine_options`).
        if (rest.includes('kernel_irqchip')) add('kvm-accel', ['kernel-irqchip'])
        return add(
          `${first}-machine`,
          rest.filter((name) => name !== 'kernel_irqchip'),
        )
      case '-accel':
        return add(`${first}-accel`, rest)
      case '-global': {
        const long = /^driver=(?<type>[^,]+),property=(?<name>[^,]+)/.exec(value)?.groups
        const [type = '', name = ''] = long === undefined ? first.split('.') : []
        return add(long?.['type'] ?? type, [long?.['name'] ?? name])
      }
      default:
    }
  })
  return found
}

interface Properties {
  readonly driver?: string
  readonly 'qom-type'?: string
  readonly id?: string
}

/** The names of a type's properties; `undefined` when this QEMU has no such type. */
async function namesOf(
  qmp: QmpConnection,
  typename: string,
): Promise<ReadonlySet<string> | undefined> {
  for (const command of ['device-list-properties', 'qom-list-properties']) {
    const listed = await qmp.executeAny(command, { typename }).catch(() => undefined)
    if (listed !== undefined)
      return new Set((listed as readonly { name: string }[]).map(({ name }) => name))
  }
  return undefined
}

async function withMonitor(
  { emulator }: TestQemu,
  use: (qmp: QmpConnection) => Promise<void>,
): Promise<void> {
  await using directory = await makeTemporaryDirectory('stasis-names-')
  const monitors = { control: join(directory.path, 'c'), query: join(directory.path, 'q') }
  const argv = ['-machine', 'none', '-S', '-display', 'none', '-nodefaults', '-no-user-config']
  const { process, control } = await launchQemu({
    emulator,
    argv,
    directory: directory.path,
    monitors,
  })
  try {
    await use(control)
  } finally {
    await control.close()
    await endQemu(process.identity, { force: true })
  }
}
