"""From a joint angle to a clinical finding; pure: no files, no devices, no pages."""
