import { readFileSync } from 'node:fs'
import { canonicalMachine } from '../../src/qemu/probe/probe.ts'
import type { ProbedQemu } from '../../src/qemu/probe/probed-qemu.ts'
import { buildMachine } from './build-machine.ts'
import type { DomainCase, MachineCase } from './cases.ts'
import { type Difference, differences } from './compare.ts'
import { machineFacts } from './machine-facts.ts'
import { probedFromReplies } from './replies.ts'
import { recordedArguments } from './shell-words.ts'

/** Which XML of a case a machine was built from: the user's, or libvirt's complete one. */
export type InputKind = 'define' | 'image'

/**
 * - `built`: a command line to which libvirt has none.
 * - `equal`, `host`, `cpu`, `visible`, `stream`: the command line beside libvirt's; `cpu`: libvirt computes the processor from the host, and a real
 *   image contains the result in its cookie.
 * - `unsupported`, `invalid`: refused, as not supported or as impossible.
 * - `accepted`, `refused`: what libvirt itself refuses.
 */
export type Verdict =
  | 'equal'
  | 'built'
  | 'host'
  | 'cpu'
  | 'visible'
  | 'stream'
  | 'unsupported'
  | 'invalid'
  | 'crashed'
  | 'accepted'
  | 'refused'

/** What came of one machine. */
export interface Judgement {
  /** `11.3`, a version of libvirt, `11.3-aarch64` for another architecture, or `virt-install`. */
  readonly source: string
  readonly name: string
  readonly input: InputKind
  readonly verdict: Verdict
  /** Why, for a person: places in the XML, or facts that differ. */
  readonly reasons: readonly string[]
  readonly differences: readonly Difference[]
  readonly timeMs: number | undefined
}

/** Builds a machine that virt-install wrote. */
export function judgeDomain({ name, input, replies }: DomainCase): Judgement {
  const built = buildMachine(input, probedFromReplies(replies), {
    libvirt: '11.3',
    existing: false,
  })
  return {
    source: 'virt-install',
    name,
    input: 'define',
    verdict: built.outcome,
    reasons: 'reasons' in built ? built.reasons : 'error' in built ? [String(built.error)] : [],
    differences: [],
    timeMs: 'timeMs' in built ? built.timeMs : undefined,
  }
}

/** Builds a machine from one of its XMLs and compares it with libvirt's; `undefined` where the case does not have that XML, or
 * is no new machine. */
export function judge(one: MachineCase, input: InputKind): Judgement | undefined {
  const path = input === 'define' ? one.input : one.output
  if (path === undefined || (input === 'define' && one.exists)) return undefined
  const probed = probedFromReplies(one.replies)
  const recorded =
    one.args === undefined ? undefined : recordedArguments(readFileSync(one.args, 'utf8'))
  // libvirt 9.0 adds no watchdog to new machines either.
  const built = buildMachine(path, probed, {
    libvirt: one.libvirt,
    existing: input === 'image' || one.libvirt === '9.0',
    fromImage: recorded?.includes('-incoming'),
  })
  const common = {
    source: one.architecture === 'x86_64' ? one.libvirt : `${one.libvirt}-${one.architecture}`,
    name: one.name,
    input,
    differences: [],
    timeMs: built.outcome === 'built' ? built.timeMs : undefined,
  }
  if (built.outcome === 'crashed') {
    return { ...common, verdict: 'crashed', reasons: [String(built.error)] }
  }
  if (recorded === undefined) {
    const refused = built.outcome !== 'built'
    return { ...common, verdict: refused ? 'refused' : 'accepted', reasons: [] }
  }
  if (built.outcome !== 'built')
    return { ...common, verdict: built.outcome, reasons: built.reasons }
  const theirs = machineFacts(recorded.map((word) => withVersion(word, probed)))
  const found = differences(theirs, machineFacts(built.argv))
  const computed = processorIsComputed(path)
  const counted = found.map((difference) =>
    difference.weight === 'cpu' && !computed
      ? { ...difference, weight: 'visible' as const }
      : difference,
  )
  const verdict = WORST.find((weight) => counted.some((each) => each.weight === weight)) ?? 'equal'
  const reasons = counted.filter(({ weight }) => weight === verdict).map(({ fact }) => fact)
  return { ...common, verdict, reasons, differences: counted }
}

/** libvirt's tests remove the versions from the names of machine types, so that they need no change for every QEMU. */
function withVersion(word: string, probed: ProbedQemu): string {
  const [machine = '', ...properties] = word.split(',')
  if (!/^(pc|q35|virt)$/.test(machine)) return word
  return [canonicalMachine(probed, machine), ...properties].join(',')
}

const WORST = ['stream', 'visible', 'cpu', 'host'] as const

/** Whether libvirt computes the processor of this domain from the host's: only then may the model differ. */
function processorIsComputed(path: string): boolean {
  const cpu = /<cpu\b[^>]*>/.exec(readFileSync(path, 'utf8'))?.[0] ?? ''
  const text = readFileSync(path, 'utf8')
  return (
    /mode=['"]host-model/.test(cpu) ||
    /match=['"](minimum|strict)/.test(cpu) ||
    /<model fallback=['"]allow/.test(text) ||
    /<feature\b[^>]*policy=['"](optional|force)/.test(text)
  )
}
