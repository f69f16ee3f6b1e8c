import { deviceParts } from './parts.ts'
import {
  anyText,
  attributes,
  choice,
  type ElementRule,
  kindOfDevice,
  uuid,
  valueWithoutEffect,
  yesNo,
} from './rule.ts'

/** `<tpm>` */
export const tpmRule: ElementRule = {
  attributes: { model: kindOfDevice('tpm-tis', 'tpm-crb') },
  children: {
    ...deviceParts,
    backend: {
      attributes: {
        type: kindOfDevice('emulator', 'passthrough', 'external'),
        version: choice('1.2', '2.0'),
        persistent_state: yesNo,
        debug: valueWithoutEffect('it makes the log of the emulator longer'),
      },
      children: {
        device: attributes({ path: anyText }),
        source: attributes({
          type: kindOfDevice('dir', 'unix'),
          mode: choice('connect'),
          path: anyText,
        }),
        encryption: attributes({ secret: uuid }),
        active_pcr_banks: {
          children: { sha1: {}, sha256: {}, sha384: {}, sha512: {} },
        },
        profile: attributes({
          source: anyText,
          name: anyText,
          removeDisabled: choice('fips-host', 'check'),
        }),
      },
    },
  },
}
