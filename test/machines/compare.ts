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
    if (isChosenAnew(fact, a?.value, b?.value)) continue
    const onHost = isSameDisk(a?.value, b?.value)
    const weight = onHost ? 'host' : (a?.weight ?? b?.weight ?? 'visible')
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

/** What every host chooses for itself, and what libvirt's tests replace by a constant: a generation id, and the address of a vsock. */
function isChosenAnew(fact: string, theirs: string | undefined, ours: string | undefined): boolean {
  if (fact === 'device vmgenid guid')
    return (
      theirs === '00010203-0405-4607-8809-0a0b0c0d0e0f' &&
      /^[\da-f]{8}(-[\da-f]{4}){3}-/.test(ours ?? '')
    )
  return /^device .* guest-cid$/.test(fact) && theirs === '42' && Number(ours) > 2
}

/** Where libvirt lets nbdkit fetch the disk that QEMU fetches here. */
function isSameDisk(theirs: string | undefined, ours: string | undefined): boolean {
  const fetched = /nbd\{server=\{path=[^{}]*\/nbdkit-[^{}]*\}\}/g
  const fetches = /\b(https?|ftps?|ssh)\{([^{}]|\{[^{}]*\})*\}/g
  const [a, b] = [theirs?.replaceAll(fetched, 'disk'), ours?.replaceAll(fetches, 'disk')]
  return a !== theirs && a === b
}
