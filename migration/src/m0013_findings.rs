//! Why a refused callback's proof did not hold, as JSON.

crate::dialect::migration!("ALTER TABLE hub_rejections ADD COLUMN finding TEXT");
