import { readFileSync } from 'node:fs'
import type { ProbedQemu } from '../../src/qemu/probe/probed-qemu.ts'

/**
 * Our probe's view of the QEMU whose answers libvirt recorded: pairs of a command and its answer, each a JSON object, separated by empty lines.
 * Everything that libvirt asked first is about this QEMU with KVM, and asked once more about TCG; the first answer counts.
 */
export function probedFromReplies(path: string): ProbedQemu {
  const known = cache.get(path)
  if (known !== undefined) return known
  const answers = new Map<string, unknown>()
  const objects = readFileSync(path, 'utf8')
    .split(/\n\s*\n/)
    .filter((text) => text.trim() !== '')
    .map((text) => JSON.parse(text) as Message)
  objects.forEach(({ execute }, at) => {
    const { return: answer } = objects[at + 1] ?? {}
    if (execute !== undefined && !answers.has(execute)) answers.set(execute, answer)
  })
  const ask = <T>(command: string): T => answers.get(command) as T
  const { arch } = ask<Target>('query-target')
  const { qemu, package: packager } = ask<Version>('query-version')
  const sev = ask<Sev | undefined>('query-sev-capabilities')
  const probed: ProbedQemu = {
    emulator: `/usr/bin/qemu-system-${arch}`,
    version: `${qemu.major}.${qemu.minor}.${qemu.micro}`,
    packager,
    machines: ask<readonly Machine[]>('query-machines').map((machine) => ({
      name: machine.name,
      ...(machine.alias !== undefined && { alias: machine.alias }),
      isDefault: machine['is-default'] ?? false,
      deprecated: machine.deprecated ?? false,
      maxCpus: machine['cpu-max'],
    })),
    kvmUsable: true,
    sandbox: true,
    migrationCapabilities: ask<readonly { readonly capability: string }[]>(
      'query-migrate-capabilities',
    ).map(({ capability }) => capability),
    cpuProperties: processorProperties(objects, arch),
    gicVersions: (ask<readonly Gic[] | undefined>('query-gic-capabilities') ?? [])
      .filter(({ kernel }) => kernel)
      .map(({ version }) => version),
    ...(sev !== undefined && {
      sev: { cbitPosition: sev.cbitpos, reducedPhysBits: sev['reduced-phys-bits'] },
    }),
  }
  cache.set(path, probed)
  return probed
}

/** Of ARM's processors libvirt asks for the features of the fullest, of x86 for the properties that all have. */
function processorProperties(objects: readonly Message[], arch: string): readonly string[] {
  const answer = (command: string, fits: (given: Given) => boolean): unknown => {
    const at = objects.findIndex(
      ({ execute, arguments: given }) => execute === command && fits(given ?? {}),
    )
    return at < 0 ? undefined : objects[at + 1]?.return
  }
  if (arch === 'aarch64') {
    const full = answer('query-cpu-model-expansion', ({ model }) => model?.name === 'max')
    return Object.keys((full as Expansion | undefined)?.model.props ?? {})
  }
  const all = answer('device-list-properties', ({ typename }) => typename === 'max-x86_64-cpu')
  return ((all ?? []) as readonly { readonly name: string }[]).map(({ name }) => name)
}

interface Given {
  readonly typename?: string
  readonly model?: { readonly name: string }
}

interface Expansion {
  readonly model: { readonly props: Readonly<Record<string, unknown>> }
}

interface Message {
  readonly execute?: string
  readonly arguments?: unknown
  readonly return?: unknown
}

interface Version {
  readonly qemu: { readonly major: number; readonly minor: number; readonly micro: number }
  readonly package: string
}

interface Target {
  readonly arch: string
}

interface Gic {
  readonly version: number
  readonly kernel: boolean
}

interface Sev {
  readonly cbitpos: number
  readonly 'reduced-phys-bits': number
}

interface Machine {
  readonly name: string
  readonly alias?: string
  readonly 'is-default'?: boolean
  readonly deprecated?: boolean
  readonly 'cpu-max': number
}

const cache = new Map<string, ProbedQemu>()
