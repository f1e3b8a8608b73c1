"""What every template may use: navigation, panels."""
