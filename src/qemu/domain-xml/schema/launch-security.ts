import { anyText, type ElementRule, holding, kindOfElement, yesNo } from './rule.ts'

/** `<launchSecurity>`: a guest whose memory the processor encrypts. */
export const launchSecurityRule: ElementRule = {
  attributes: {
    type: kindOfElement('sev', 'sev-snp'),
    kernelHashes: yesNo,
    authorKey: yesNo,
    vcek: yesNo,
  },
  children: Object.fromEntries(
    [
      'cbitpos',
      'reducedPhysBits',
      'policy',
      'dhCert',
      'session',
      'guestVisibleWorkarounds',
      'idBlock',
      'idAuth',
      'hostData',
    ].map((name) => [name, holding(anyText)]),
  ),
}
