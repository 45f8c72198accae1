/** The machine's own Chromium, without a head. */
import { chromium, type Browser } from 'playwright-core';
import { inDev } from '../dev/in-dev';

/** As root there is no sandbox; and nothing is asked of the network but what a test opens. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

const found = inDev('chromium', '{ path: dev.findChromium(), advice: dev.CHROMIUM_ADVICE }') as {
  readonly path: string | null;
  readonly advice: string;
};

/** Null when there is a browser. */
export const whyNoBrowser =
  found.path === null ? `no Chromium on this machine: ${found.advice}` : null;

export function openBrowser(): Promise<Browser> {
  if (found.path === null) throw new Error(String(whyNoBrowser));
  return chromium.launch({ executablePath: found.path, args: FLAGS });
}
