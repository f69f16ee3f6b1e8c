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
  const { qemu, package: packager } = ask<Version>('query-version')
  const sev = ask<Sev | undefined>('query-sev-capabilities')
  const probed: ProbedQemu = {
    emulator: '/usr/bin/qemu-system-x86_64',
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
    cpuProperties: processorProperties(objects),
    ...(sev !== undefined && {
      sev: { cbitPosition: sev.cbitpos, reducedPhysBits: sev['reduced-phys-bits'] },
    }),
  }
  cache.set(path, probed)
  return probed
}

function processorProperties(objects: readonly Message[]): readonly string[] {
  const at = objects.findIndex(
    ({ execute, arguments: given }) =>
      execute === 'device-list-properties' &&
      (given as { typename?: string }).typename === 'max-x86_64-cpu',
  )
  const answer = objects[at + 1]?.return as readonly { readonly name: string }[] | undefined
  return at < 0 || answer === undefined ? [] : answer.map(({ name }) => name)
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
