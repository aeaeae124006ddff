//! The page against hostile bytes, other sites and other languages.

use super::*;
