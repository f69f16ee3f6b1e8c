/** A fault in the stored bytes of a frame. */
export type FrameFault =
  | { readonly kind: 'cut' | 'checksum' }
  | { readonly kind: 'codec'; readonly reason: string }
  | { readonly kind: 'length'; readonly length: number }

/** The end of a sentence whose subject is the frame. */
export function describeFrameFault(fault: FrameFault): string {
  switch (fault.kind) {
    case 'cut':
      return 'is cut'
    case 'checksum':
      return 'does not match its checksum'
    case 'codec':
      return `cannot be decompressed (${fault.reason})`
    case 'length':
      return `holds ${fault.length} bytes, which are not its pages`
  }
}
