import { Option } from 'commander'

/** `--ignore-unsupported`. */
export function ignoreUnsupportedOption(): Option {
  return new Option(
    '--ignore-unsupported',
    "leave out the host's side of devices where Stasis does not support it; the guest sees no difference",
  )
}
