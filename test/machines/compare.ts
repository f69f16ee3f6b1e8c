import type { MachineFacts, Weight } from './machine-facts.ts'

/** A fact that two command lines do not have in common. */
export interface Difference {
  readonly fact: string
  readonly weight: Weight
  readonly theirs: string | undefined
  readonly ours: string | undefined
}

/** The facts in which our machine differs from libvirt's, the weightiest first. */
export function differences(theirs: MachineFacts, ours: MachineFacts): readonly Difference[] {
  const found: Difference[] = []
  for (const fact of new Set([...theirs.keys(), ...ours.keys()])) {
    const [a, b] = [theirs.get(fact), ours.get(fact)]
    if (a?.value === b?.value) continue
    const weight = a?.weight ?? b?.weight ?? 'visible'
    found.push({ fact, weight, theirs: a?.value, ours: b?.value })
  }
  // Without its device, a property says nothing new.
  const devices = found.filter((one) => one.fact.startsWith('device') && one.weight === 'stream')
  const missing = devices.filter(({ theirs: a, ours: b }) => a === undefined || b === undefined)
  return found
    .filter(
      (one) => !missing.some(({ fact }) => one.fact !== fact && one.fact.startsWith(`${fact} `)),
    )
    .toSorted((a, b) => ORDER.indexOf(b.weight) - ORDER.indexOf(a.weight))
}

const ORDER: readonly Weight[] = ['host', 'cpu', 'visible', 'stream']
