import type { Judgement, Verdict } from './judge.ts'

/** How many machines of one source and one kind of XML had which verdict. */
export interface Figures {
  readonly title: string
  readonly total: number
  readonly count: (...verdicts: readonly Verdict[]) => number
}

const ACCEPTED: readonly Verdict[] = ['equal', 'host', 'cpu', 'visible', 'stream', 'built']

/** The figures of all sources. What libvirt refuses is in figures of its own. */
export function figuresOf(judgements: readonly Judgement[]): readonly Figures[] {
  const groups = new Map<string, Judgement[]>()
  for (const one of judgements) {
    const negative = one.verdict === 'accepted' || one.verdict === 'refused'
    const from = one.source === 'virt-install' ? one.source : `libvirt ${one.source}`
    const what =
      one.source === 'virt-install' ? '' : negative ? ', refused by it' : `, ${KIND[one.input]}`
    const title = `${from}${what}`
    groups.set(title, [...(groups.get(title) ?? []), one])
  }
  return [...groups].map(([title, group]) => ({
    title,
    total: group.length,
    count: (...verdicts) => group.filter(({ verdict }) => verdicts.includes(verdict)).length,
  }))
}

const KIND = { define: "user's XML", image: 'complete XML' } as const

/** The share of accepted machines, and of those that are equal but for the host's side and the processor from the cookie, as percentages. */
export function shares({ count, total }: Figures): { accepted: string; equal: string } {
  const accepted = count(...ACCEPTED)
  return {
    accepted: percent(accepted, total),
    equal: percent(count('equal', 'host', 'cpu', 'built'), accepted),
  }
}

function percent(part: number, whole: number): string {
  return whole === 0 ? '-' : `${((part / whole) * 100).toFixed(1)} %`
}

/** One line for people. */
export function figureLine(figures: Figures): string {
  const { title, total, count } = figures
  if (count('accepted', 'refused') > 0) {
    return `${title}: ${total} machines, ${count('refused')} refused, ${count('accepted')} accepted`
  }
  const { accepted, equal } = shares(figures)
  if (title === 'virt-install') {
    return `${title}: ${total} machines, ${accepted} accepted, ${count('unsupported')} unsupported, ${count('invalid')} called invalid, ${count('crashed')} crashed`
  }
  return (
    `${title}: ${total} machines, ${accepted} accepted, ${equal} of these equal to the guest; ` +
    `${count('visible')} differ for the guest, ${count('stream')} in the stream, ` +
    `${count('unsupported')} unsupported, ${count('invalid')} called invalid, ${count('crashed')} crashed`
  )
}

/** The machine whose command line took longest. */
export function slowest(judgements: readonly Judgement[]): Judgement | undefined {
  return judgements.toSorted((a, b) => (b.timeMs ?? 0) - (a.timeMs ?? 0))[0]
}
