import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Judgement, Verdict } from './judge.ts'

/**
 * What is known not to be right: two lists in this folder, with a line for each machine, in the order of their names. `unsupported.txt` has the machines
 * that are refused, `differs.txt` those whose command line is not libvirt's and those that libvirt refuses and this program accepts.
 */
export const LISTS = ['unsupported', 'differs'] as const
export type ListName = (typeof LISTS)[number]

const LIST: Readonly<Record<Verdict, ListName | undefined>> = {
  equal: undefined,
  refused: undefined,
  built: undefined,
  unsupported: 'unsupported',
  invalid: 'unsupported',
  crashed: 'unsupported',
  host: 'differs',
  cpu: 'differs',
  visible: 'differs',
  stream: 'differs',
  accepted: 'differs',
}

/** The most reasons that a line contains. */
const MAX_REASONS = 4

/** The lines of a list by the machine: `11.3 hyperv.x86_64-latest`. */
export type List = ReadonlyMap<string, string>

/** The list that these judgements call for. */
export function listOf(name: ListName, judgements: readonly Judgement[]): List {
  const found = new Map<string, Judgement[]>()
  for (const judgement of judgements) {
    if (LIST[judgement.verdict] !== name) continue
    const key = keyOf(judgement)
    found.set(key, [...(found.get(key) ?? []), judgement])
  }
  return new Map(
    [...found].map(([key, group]) => [key, `${key} ${verdictsOf(group)}${why(group)}`]),
  )
}

/** A machine as the lists name it. */
export function keyOf({ source, name }: Pick<Judgement, 'source' | 'name'>): string {
  return `${source} ${name}`
}

function verdictsOf(group: readonly Judgement[]): string {
  return group.map(({ input, verdict }) => `${input}=${verdict}`).join(',')
}

function why(group: readonly Judgement[]): string {
  const reasons = [...new Set(group.flatMap((one) => one.reasons))]
  if (reasons.length === 0) return ''
  const more = reasons.length - MAX_REASONS
  const named = reasons.slice(0, MAX_REASONS).map((one) => one.replaceAll(/\s+/g, ' ').slice(0, 70))
  return `: ${named.join('; ')}${more > 0 ? `; ${more} more` : ''}`
}

function fileOf(name: ListName): string {
  return join(import.meta.dirname, `${name}.txt`)
}

export function readList(name: ListName): List {
  const lines = readFileSync(fileOf(name), 'utf8').split('\n')
  return new Map(
    lines
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => [line.split(' ').slice(0, 2).join(' '), line]),
  )
}

export function writeList(name: ListName, list: List): void {
  const lines = [...list.values()].toSorted()
  writeFileSync(fileOf(name), `${HEADS[name]}${lines.map((line) => `${line}\n`).join('')}`)
}

const HEADS: Readonly<Record<ListName, string>> = {
  unsupported:
    '# Machines that are refused, and where in their XML. Made by: npm run test:machines -- --accept\n',
  differs:
    '# Machines that differ from those of libvirt, and in what. Made by: npm run test:machines -- --accept\n',
}

/** The machines that entered a list, left it, or are in it for another verdict; of the machines that were judged. */
export function changes(known: List, now: List, judged: ReadonlySet<string>): readonly string[] {
  const verdict = (line: string | undefined): string =>
    /^\S+ \S+ ([^:]*)/.exec(line ?? '')?.[1] ?? ''
  return [...judged].flatMap((key) => {
    const [before, after] = [known.get(key), now.get(key)]
    if (verdict(before) === verdict(after)) return []
    if (before === undefined) return [`enters: ${after}`]
    if (after === undefined) return [`leaves: ${before}`]
    return [`changes: ${before} -> ${after}`]
  })
}
