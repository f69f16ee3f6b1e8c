/** A fault in the stored bytes of a frame. */
export type FrameFault =
  | { readonly kind: 'truncated' | 'checksum' }
  | { readonly kind: 'codec' | 'unreadable'; readonly reason: string }
  | { readonly kind: 'length'; readonly length: number }

/** The end of a sentence whose subject is the frame. */
export function describeFrameFault(fault: FrameFault): string {
  switch (fault.kind) {
    case 'truncated':
      return 'is not complete'
    case 'checksum':
      return 'does not match its checksum'
    case 'codec':
      return `cannot be decompressed (${fault.reason})`
    case 'unreadable':
      return `cannot be read (${fault.reason})`
    case 'length':
      return `decompresses to ${fault.length} bytes, which is not the length of its pages`
  }
}
