import { ImageError } from '../../errors.ts'
import type { Domain } from '../../qemu/domain-xml/model/domain.ts'
import { type GuestFact, THERE, guestView } from './guest-view.ts'

/**
 * Checks that `changed` shows the guest the same machine as `original`, as libvirt's ABI check does.
 * @throws ImageError IMAGE_INCOMPATIBLE with the first difference
 */
export function checkSameMachine(original: Domain, changed: Domain): void {
  const difference = firstDifference(guestView(original), guestView(changed))
  if (difference === undefined) return
  throw new ImageError(
    'IMAGE_INCOMPATIBLE',
    `The given XML does not fit the saved machine: ${difference}`,
    {
      operation: 'compare the given XML with the machine',
      hint: 'Only parts that the guest cannot see may change: paths of files, networks, the host side of serial ports',
    },
  )
}

function firstDifference(
  original: readonly GuestFact[],
  changed: readonly GuestFact[],
): string | undefined {
  const found = new Map(changed.map(({ subject, value }) => [subject, value]))
  for (const { subject, value } of original) {
    const other = found.get(subject)
    if (other === undefined)
      return value === THERE ? `it lacks ${subject}` : `${subject} is not ${value}`
    if (other !== value) return `${subject} is ${other}, not ${value}`
    found.delete(subject)
  }
  const [extra] = found.keys()
  return extra === undefined ? undefined : `it adds ${extra}`
}
